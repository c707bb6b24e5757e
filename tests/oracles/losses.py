"""Equations (7)-(13), intensity-aware loss, cross-entropy and the feature regulariser, one number at a time."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from tests.oracles.network import dot, softmax

Array = npt.NDArray[np.float64]
Classifier = Callable[[Array], Array]


def category_weights(logits_BK: Array, labels: Sequence[int], counts: Sequence[int], weighting: str) -> Array:
    """Equation (7): (1 - p_i[y_i]) / n_c[y_i]; `balanced` has N / (K n_c) in place of 1 / n_c."""
    weights = []
    for logits_K, label in zip(logits_BK, labels, strict=True):
        rarity = 1.0 / counts[label]
        if weighting == "balanced":
            rarity = sum(counts) / (len(counts) * counts[label])
        weights.append(rarity * (1.0 - float(softmax(logits_K)[label])))
    return np.array(weights)


def temperature(counts: Sequence[int], base: float) -> float:
    """Equation (10)."""
    return base * sum(1.0 + count / max(counts) for count in counts) / len(counts)


def pool(x_C: Array, size: int) -> Array:
    """Adaptive average pooling: bin i averages the features from floor(i C / s) up to ceil((i + 1) C / s)."""
    features = len(x_C)
    pooled = []
    for i in range(size):
        first = (i * features) // size
        last = math.ceil((i + 1) * features / size)
        pooled.append(sum(float(x_C[k]) for k in range(first, last)) / (last - first))
    return np.array(pooled)


def project(x_BC: Array, size: int, weight_DS: Array, bias_D: Array) -> Array:
    """Equation (8): pool, then a linear map."""
    z_BD = np.zeros((len(x_BC), len(bias_D)))
    for b in range(len(x_BC)):
        pooled = pool(x_BC[b], size)
        for row in range(len(bias_D)):
            z_BD[b, row] = dot(weight_DS[row], pooled) + float(bias_D[row])
    return z_BD


def similarity(z_BD: Array, z_ND: Array, tau: float) -> Array:
    """Equation (9): cosine over temperature."""
    s_BN = np.zeros((len(z_BD), len(z_ND)))
    for i in range(len(z_BD)):
        for j in range(len(z_ND)):
            lengths = math.sqrt(dot(z_BD[i], z_BD[i])) * math.sqrt(dot(z_ND[j], z_ND[j]))
            s_BN[i, j] = dot(z_BD[i], z_ND[j]) / (tau * lengths)
    return s_BN


def contrastive_one_scale(s_BB: Array, labels: Sequence[int], weights_B: Array, form: str) -> float:
    """Equation (11) as printed, or the supervised-contrastive form of Khosla et al. with the same weights."""
    batch = len(labels)
    total = 0.0
    for i in range(batch):
        positives = [j for j in range(batch) if j != i and labels[j] == labels[i]]
        if not positives:
            continue  # contributes 0 and is still counted in B
        if form == "printed":
            numerator = sum(float(weights_B[i]) * math.exp(float(s_BB[i, j])) for j in positives)
            total += numerator / sum(math.exp(float(s_BB[i, k])) for k in range(batch))
        else:
            denominator = sum(math.exp(float(s_BB[i, k])) for k in range(batch) if k != i)
            logs = [math.log(math.exp(float(s_BB[i, j])) / denominator) for j in positives]
            total += float(weights_B[i]) * sum(logs) / len(positives)
    return -total / batch


def contrastive(
    x_BC: Array,
    labels: Sequence[int],
    weights_B: Array,
    counts: Sequence[int],
    projections: Sequence[tuple[int, Array, Array]],
    base_temperature: float,
    form: str,
) -> Array:
    """Equations (8)-(11): the loss of each scale; a projection is (pooled size, weight, bias)."""
    tau = temperature(counts, base_temperature)
    losses = []
    for size, weight_DS, bias_D in projections:
        z_BD = project(x_BC, size, weight_DS, bias_D)
        losses.append(contrastive_one_scale(similarity(z_BD, z_BD, tau), labels, weights_B, form))
    return np.array(losses)


def multiscale(losses_S: Array) -> float:
    """Equation (12)."""
    return sum(float(loss) for loss in losses_S) / len(losses_S)


def cross_entropy(logits_BK: Array, labels: Sequence[int], label_smoothing: float) -> float:
    """The target is (1 - e) on the label plus e / K on every class."""
    total = 0.0
    classes = logits_BK.shape[1]
    for logits_K, label in zip(logits_BK, labels, strict=True):
        p_K = softmax(logits_K)
        for k in range(classes):
            target = label_smoothing / classes + (1.0 - label_smoothing if k == label else 0.0)
            total -= target * math.log(float(p_K[k]))
    return total / len(labels)


def intensity_aware(logits_BK: Array, labels: Sequence[int]) -> float:
    """-log of exp(x_t) / (exp(x_t) + exp(x_max)), x_max the largest logit other than the target's."""
    total = 0.0
    for logits_K, label in zip(logits_BK, labels, strict=True):
        target = float(logits_K[label])
        largest = max(float(logits_K[k]) for k in range(len(logits_K)) if k != label)
        total -= math.log(math.exp(target) / (math.exp(target) + math.exp(largest)))
    return total / len(labels)


def batch_deviation(x_BC: Array) -> Array:
    """Per feature, the (biased) standard deviation over the batch."""
    batch, features = x_BC.shape
    deviations = []
    for c in range(features):
        mean = sum(float(x_BC[b, c]) for b in range(batch)) / batch
        deviations.append(math.sqrt(sum((float(x_BC[b, c]) - mean) ** 2 for b in range(batch)) / batch))
    return np.array(deviations)


def feature_augmentation(
    x_BC: Array,
    logits_BK: Array,
    classifier: Classifier,
    noise_BC: Array,
    noise_scale: float,
    deviation_C: Array | None = None,
) -> float:
    """KL(clean prediction || prediction of the perturbed features), batch mean; `classifier` maps C to K.

    A given `deviation_C` stands in for the batch's: finite differences hold it fixed, as the loss detaches it.
    """
    deviation_C = batch_deviation(x_BC) if deviation_C is None else deviation_C
    total = 0.0
    for b in range(len(x_BC)):
        p_K = softmax(logits_BK[b])
        q_K = softmax(classifier(x_BC[b] + noise_scale * deviation_C * noise_BC[b]))
        total += sum(float(p) * (math.log(float(p)) - math.log(float(q))) for p, q in zip(p_K, q_K, strict=True))
    return total / len(x_BC)


def focal(logits_BK: Array, labels: Sequence[int], gamma: float) -> float:
    """The mean of -(1 - p_t)^gamma log p_t."""
    total = 0.0
    for logits_K, label in zip(logits_BK, labels, strict=True):
        p = float(softmax(logits_K)[label])
        total -= (1.0 - p) ** gamma * math.log(p)
    return total / len(labels)


def class_balanced(
    logits_BK: Array, labels: Sequence[int], counts: Sequence[int], beta: float, label_smoothing: float
) -> float:
    """Each clip's cross-entropy over its class's effective number, a sum of powers of beta; weights average 1."""
    inverse = [1.0 / sum(beta**power for power in range(count)) for count in counts]
    total = 0.0
    for logits_K, label in zip(logits_BK, labels, strict=True):
        weight = inverse[label] * len(counts) / sum(inverse)
        total += weight * cross_entropy(logits_K[None], [label], label_smoothing)
    return total / len(labels)


def logit_adjusted(
    logits_BK: Array, labels: Sequence[int], counts: Sequence[int], tau: float, label_smoothing: float
) -> float:
    """Cross-entropy with p_k proportional to exp(x_k) times the class's share to the power tau."""
    total = 0.0
    classes = len(counts)
    for logits_K, label in zip(logits_BK, labels, strict=True):
        odds = [math.exp(float(logits_K[k])) * (counts[k] / sum(counts)) ** tau for k in range(classes)]
        for k in range(classes):
            target = label_smoothing / classes + (1.0 - label_smoothing if k == label else 0.0)
            total -= target * math.log(odds[k] / sum(odds))
    return total / len(labels)
