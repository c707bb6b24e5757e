"""Collects the network's predictions, each clip once, and computes their recognition rates.

Shapes: B clips in a batch, N clips in all, K classes, C features.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from micacl.rates import confusion_matrix, recalls, war


class Predictions(NamedTuple):
    """Predictions for a split, in the order of its clips.

    Attributes:
        index_N: The positions of the clips in their split.
        label_N: The true classes.
        probability_NK: The probabilities of the classes.
        features_NC: The features of each clip (X' of MICACL).
    """

    index_N: Tensor
    label_N: Tensor
    probability_NK: Tensor
    features_NC: Tensor

    @property
    def prediction_N(self) -> Tensor:
        """The most probable class of each clip."""
        return self.probability_NK.argmax(dim=-1)


class ClipPredictions(Metric):
    """Collects predictions over batches and processes; a clip that several of them saw counts once.

    Under distributed evaluation the sampler repeats some clips, to give each process the same number of batches.
    Repeated clips would otherwise change WAR and UAR with the number of devices.
    """

    full_state_update = False
    index: list[Tensor]
    label: list[Tensor]
    probability: list[Tensor]
    features: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("index", "label", "probability", "features"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index_B: Tensor, label_B: Tensor, logits_BK: Tensor, features_BC: Tensor) -> None:
        """Adds a batch."""
        self.index.append(index_B)
        self.label.append(label_B)
        self.probability.append(torch.softmax(logits_BK.float(), dim=-1))
        self.features.append(features_BC.float())

    def compute(self) -> Predictions:
        """Returns the predictions of all processes, ordered by index."""
        index = dim_zero_cat(self.index)
        keep = first_of_each(index)
        return Predictions(
            index[keep],
            dim_zero_cat(self.label)[keep],
            dim_zero_cat(self.probability)[keep],
            dim_zero_cat(self.features)[keep],
        )


class InstanceWeights(Metric):
    """Collects instance weights over batches and processes; a clip that several of them saw counts once."""

    full_state_update = False
    index: list[Tensor]
    weight: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("index", "weight"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index_B: Tensor, weight_BT: Tensor) -> None:
        """Adds a batch."""
        self.index.append(index_B)
        self.weight.append(weight_BT.float())

    def compute(self) -> Tensor:
        """Returns the weights of all processes, shape (N, T), ordered by index."""
        weight_NT: Tensor = dim_zero_cat(self.weight)[first_of_each(dim_zero_cat(self.index))]
        return weight_NT


def first_of_each(index_N: Tensor) -> Tensor:
    """Finds the first occurrence of each clip, ordered by the clips' index."""
    order = torch.argsort(index_N, stable=True)
    ordered = index_N[order]
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return order[first]


class Rates(NamedTuple):
    """Recognition rates, fractions of 1.

    Attributes:
        war: Weighted average recall: the share of clips recognised.
        uar: Unweighted average recall: the mean recall of the classes that have clips.
        recall_K: Recall of each class; NaN for one without clips.
    """

    war: float
    uar: float
    recall_K: list[float]


def recognition_rates(predictions: Predictions) -> Rates:
    """Computes WAR, UAR and the recalls of one split's predictions."""
    label_N, prediction_N = (class_N.cpu().numpy() for class_N in (predictions.label_N, predictions.prediction_N))
    counts_KK = confusion_matrix(label_N, prediction_N, predictions.probability_NK.shape[1])
    recall_K = torch.from_numpy(recalls(counts_KK).copy())
    # `rates.uar` is this mean too, but NumPy adds in another order: the last digit would differ from earlier runs'.
    return Rates(war(counts_KK), float(recall_K.nanmean()), recall_K.tolist())
