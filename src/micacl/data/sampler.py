"""The order of the training clips."""

import numpy as np
from torch.utils.data import DistributedSampler

from micacl.data.dataset import Sample, TrainingDataset


class TrainingSampler(DistributedSampler[Sample]):
    """Shuffles by seed and epoch alone, and tells the data set which epoch it is.

    The trainer calls `set_epoch` of a loader's sampler at the start of each epoch; passing it on is what makes the data
    set draw anew. N processes with batch B / N see together, step by step, the clips that one process sees with
    batch B.

    Args:
        dataset: the training clips.
        num_replicas: number of processes.
        rank: this process, from 0.
        seed: seed of the order.
    """

    def __init__(self, dataset: TrainingDataset, num_replicas: int, rank: int, seed: int) -> None:
        # The base class adds the epoch to its seed: unspread, seed 1 would repeat seed 0's orders, one epoch later.
        spread = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=True, seed=spread)
        self._dataset = dataset

    def set_epoch(self, epoch: int) -> None:
        """Give this epoch its order and its draws."""
        super().set_epoch(epoch)
        self._dataset.set_epoch(epoch)
