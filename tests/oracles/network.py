"""Equations (1)-(6), multi-head self-attention and the aggregation over instances, one number at a time."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), written so that neither sign overflows."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def softmax(row: Array) -> Array:
    """Softmax of one vector."""
    top = max(float(value) for value in row)
    exponentials = [math.exp(float(value) - top) for value in row]
    total = sum(exponentials)
    return np.array([value / total for value in exponentials])


def dot(a: Array, b: Array) -> float:
    """Sum of the products of two vectors."""
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def adjacency(n1_Td: Array, n2_dT: Array) -> Array:
    """Equation (1): A = softmax(relu(N1 N2)), over the last axis."""
    instances = n1_Td.shape[0]
    a_TT = np.zeros((instances, instances))
    for t in range(instances):
        scores = [max(0.0, dot(n1_Td[t], n2_dT[:, u])) for u in range(instances)]
        a_TT[t] = softmax(np.array(scores))
    return a_TT


def depthwise_convolution(x_BTC: Array, weight_C1k: Array, bias_C: Array) -> Array:
    """One filter per feature, sliding over the instances, zeros outside: same length out as in."""
    batch, instances, features = x_BTC.shape
    kernel = weight_C1k.shape[2]
    out_BTC = np.zeros_like(x_BTC)
    for b in range(batch):
        for t in range(instances):
            for c in range(features):
                value = float(bias_C[c])
                for k in range(kernel):
                    source = t + k - kernel // 2
                    if 0 <= source < instances:
                        value += float(weight_C1k[c, 0, k]) * float(x_BTC[b, source, c])
                out_BTC[b, t, c] = value
    return out_BTC


def geiim(
    x_BTC: Array,
    n1_Td: Array,
    n2_dT: Array,
    alpha: float,
    convolutions: Sequence[tuple[Array, Array]] = (),
) -> Array:
    """Equation (2): H = a X + (1 - a) A X; each (weight, bias) adds a depthwise convolution of X over the instances."""
    batch, instances, features = x_BTC.shape
    a_TT = adjacency(n1_Td, n2_dT)
    h_BTC = np.zeros_like(x_BTC)
    for b in range(batch):
        for t in range(instances):
            for c in range(features):
                diffused = sum(float(a_TT[t, u]) * float(x_BTC[b, u, c]) for u in range(instances))
                h_BTC[b, t, c] = alpha * float(x_BTC[b, t, c]) + (1.0 - alpha) * diffused
    for weight_C1k, bias_C in convolutions:
        h_BTC = h_BTC + depthwise_convolution(x_BTC, weight_C1k, bias_C)
    return h_BTC


def instance_weights(h_C: Array, weight_scale: str) -> Array:
    """Equation (4): w_t = softmax(H_t) over the features, times C for `unit_mean`."""
    w_C = softmax(h_C)
    return w_C * len(h_C) if weight_scale == "unit_mean" else w_C


def wian(
    x_BTC: Array,
    input_weight: Array,
    input_bias: Array,
    hidden_weight: Array,
    weight_scale: str,
) -> Array:
    """Equations (3)-(6) with x_t = H_t; the projections' rows are i, f, o, the candidate and the weight gate."""
    batch, instances, features = x_BTC.shape
    out_BTC = np.zeros_like(x_BTC)
    for b in range(batch):
        h_C = np.zeros(features)
        c_C = np.zeros(features)
        for t in range(instances):
            x_C = x_BTC[b, t]
            w_C = instance_weights(x_C, weight_scale)
            next_h_C = np.zeros(features)
            next_c_C = np.zeros(features)
            for k in range(features):
                i, f, o, candidate, gate = (
                    dot(input_weight[part * features + k], x_C)
                    + float(input_bias[part * features + k])
                    + dot(hidden_weight[part * features + k], h_C)
                    for part in range(5)
                )
                d = sigmoid(gate) * float(w_C[k])  # (3)
                cell = sigmoid(f) * float(c_C[k]) + sigmoid(i) * math.tanh(candidate) * d  # (5)
                next_c_C[k] = cell
                next_h_C[k] = sigmoid(o) * math.tanh(cell)  # (6)
            h_C, c_C = next_h_C, next_c_C
            out_BTC[b, t] = h_C
    return out_BTC


def layer_norm(x_C: Array, weight_C: Array, bias_C: Array, epsilon: float) -> Array:
    """Zero mean and unit (biased) variance over the features, then scale and shift."""
    features = len(x_C)
    mean = sum(float(value) for value in x_C) / features
    variance = sum((float(value) - mean) ** 2 for value in x_C) / features
    return np.array(
        [
            (float(x_C[k]) - mean) / math.sqrt(variance + epsilon) * float(weight_C[k]) + float(bias_C[k])
            for k in range(features)
        ]
    )


def self_attention(
    x_BTC: Array,
    norm: tuple[Array, Array, float],
    in_projection: tuple[Array, Array],
    out_projection: tuple[Array, Array],
    num_heads: int,
) -> Array:
    """x + MHSA(norm(x)); `norm` is (weight, bias, epsilon), the rows of `in_projection` are queries, keys, values."""
    batch, instances, features = x_BTC.shape
    width = features // num_heads
    in_weight, in_bias = in_projection
    out_weight, out_bias = out_projection
    y_BTC = np.zeros_like(x_BTC)
    for b in range(batch):
        projected = np.zeros((instances, 3 * features))
        for t in range(instances):
            normed_C = layer_norm(x_BTC[b, t], *norm)
            for row in range(3 * features):
                projected[t, row] = dot(in_weight[row], normed_C) + float(in_bias[row])
        mixed_TC = np.zeros((instances, features))
        for head in range(num_heads):
            columns = slice(head * width, (head + 1) * width)
            query, key, value = (projected[:, part * features :][:, columns] for part in range(3))
            for t in range(instances):
                scores = np.array([dot(query[t], key[u]) / math.sqrt(width) for u in range(instances)])
                attention = softmax(scores)
                for k in range(width):
                    mixed_TC[t, head * width + k] = dot(attention, value[:, k])
        for t in range(instances):
            for c in range(features):
                y_BTC[b, t, c] = float(x_BTC[b, t, c]) + dot(out_weight[c], mixed_TC[t]) + float(out_bias[c])
    return y_BTC


def aggregate(x_BTC: Array, weight_1Tk: Array, bias_1: Array) -> Array:
    """The T instances are channels, one filter slides along the features, zeros outside: B,T,C to B,C."""
    batch, instances, features = x_BTC.shape
    kernel = weight_1Tk.shape[2]
    out_BC = np.zeros((batch, features))
    for b in range(batch):
        for c in range(features):
            value = float(bias_1[0])
            for t in range(instances):
                for k in range(kernel):
                    source = c + k - kernel // 2
                    if 0 <= source < features:
                        value += float(weight_1Tk[0, t, k]) * float(x_BTC[b, t, source])
            out_BC[b, c] = value
    return out_BC
