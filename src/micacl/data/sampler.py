"""Decides the order of the training clips, and how often each class comes."""

from collections.abc import Iterator
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler

from micacl.data.dataset import TrainingDataset

SamplerChoice = Literal["uniform", "class_balanced", "square_root"]

# A class of n clips is drawn with a probability proportional to n to this power; Kang et al., "Decoupling
# Representation and Classifier for Long-Tailed Recognition", ICLR 2020, equation (1).
EXPONENTS: dict[SamplerChoice, float] = {"uniform": 1.0, "square_root": 0.5, "class_balanced": 0.0}


class TrainingSampler(DistributedSampler[int]):
    """Shuffles by seed and epoch alone, and tells the data set which epoch it is.

    The trainer calls `set_epoch` of a loader's sampler at the start of each epoch, and the sampler passes it on to the
    data set, which then draws anew. Together, N processes with batches of B / N clips see in each step the clips that
    one process with batches of B sees.

    An epoch has as many draws as there are training clips. "uniform" gives each clip once. The other samplers draw how
    often each class comes, and give its clips in turn, so that none is repeated before all of its class have come; a
    repeated clip is sampled and augmented anew (see `TrainingDataset.position`).

    Args:
        dataset: The training clips.
        num_replicas: The number of processes.
        rank: The number of this process, from 0.
        seed: The seed of the order.
        sampler: "uniform"; "class_balanced", every class equally often; or "square_root", halfway between.
    """

    def __init__(
        self, dataset: TrainingDataset, num_replicas: int, rank: int, seed: int, sampler: SamplerChoice = "uniform"
    ) -> None:
        # The base class adds the epoch to its seed: unspread, seed 1 would repeat seed 0's orders, one epoch later.
        spread = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=True, seed=spread)
        self._clips = dataset
        self._sampler: SamplerChoice = sampler
        self._taken = 0

    def set_epoch(self, epoch: int) -> None:
        """Begins an epoch, which has its own order and draws."""
        if epoch != self.epoch:
            self._taken = 0
        super().set_epoch(epoch)
        self._clips.set_epoch(epoch)

    def resume(self, epoch: int, taken: int) -> None:
        """Resumes an interrupted epoch behind the clips that were trained on; `len` stays that of the whole epoch.

        Args:
            epoch: The number of the epoch, from 0.
            taken: The number of this process's clips that were trained on.
        """
        self.set_epoch(epoch)
        self._taken = taken

    def __iter__(self) -> Iterator[int]:
        return islice(self._order(), self._taken, None)

    def _order(self) -> Iterator[int]:
        if self._sampler == "uniform":
            return super().__iter__()
        order = self._resampled()
        missing = self.total_size - len(order)  # as the base class does: every process gets the same number
        return iter(np.append(order, order[:missing])[self.rank :: self.num_replicas].tolist())

    def _resampled(self) -> NDArray[np.int64]:
        """Draws this epoch's positions in the data set, the same on every process."""
        generator = np.random.default_rng((self.seed, self.epoch))
        label = np.array([clip.label for clip in self._clips.clips])
        classes, counts = np.unique(label, return_counts=True)
        share = counts ** EXPONENTS[self._sampler]
        draws_of_class = generator.multinomial(len(label), share / share.sum())
        positions: list[int] = []
        for class_label, draws in zip(classes, draws_of_class, strict=True):
            members = np.flatnonzero(label == class_label)
            for taken in range(0, draws, len(members)):
                turn = generator.permutation(members)[: draws - taken]
                positions.extend(self._clips.position(int(index), taken // len(members)) for index in turn)
        return generator.permutation(np.array(positions, dtype=np.int64))
