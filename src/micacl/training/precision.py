"""Chooses the fastest precision that the hardware has."""

from typing import Literal

Precision = Literal["bf16-mixed", "32-true"]


def fastest_precision(device_type: str) -> Precision:
    """Chooses bfloat16 if the device multiplies it in hardware, else float32.

    Args:
        device_type: The device type, "cpu", "cuda" or another of torch's.
    """
    import torch  # options are checked without it

    if device_type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    if device_type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "bf16-mixed"
    return "32-true"
