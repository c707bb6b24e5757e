"""What a network costs, as run.json keeps it."""

from dataclasses import dataclass
from typing import Any

from micacl.reporting.fields import FieldError, checked, field


@dataclass(frozen=True)
class Costs:
    """A network's costs for one clip.

    Attributes:
        clip_shape: of the clip, (3, F, H, W).
        parameters: how many.
        multiply_adds: of convolutions and matrix products, as computed.
        multiply_adds_with_padding: the same with the temporal taps that meet nothing but padding.
        latency_ms: median time of one clip in a batch of its own, in milliseconds, on the run's device.
        latency_repeats: how many passes the median is of.
    """

    clip_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    multiply_adds_with_padding: int
    latency_ms: float
    latency_repeats: int


def read_costs(record: dict[str, Any] | None) -> Costs | None:
    """Reads the "costs" of run.json; None where there are none.

    Raises:
        FieldError: a field is missing or of another type.
    """
    if record is None:
        return None
    costs = Costs(
        clip_shape=tuple(checked(int, size, '"clip_shape"') for size in field(record, "clip_shape", list)),
        parameters=field(record, "parameters", int),
        multiply_adds=field(record, "multiply_adds", int),
        multiply_adds_with_padding=field(record, "multiply_adds_with_padding", int),
        latency_ms=field(record, "latency_ms", float),
        latency_repeats=field(record, "latency_repeats", int),
    )
    if min(costs.parameters, costs.multiply_adds, costs.multiply_adds_with_padding, costs.latency_repeats) < 0:
        raise FieldError('"costs" holds a negative number')
    return costs
