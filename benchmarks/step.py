"""Measures a training step: ours against public code's, and the time that MICACL adds to R3D-18.

    python benchmarks/step.py                                            the default configuration
    python benchmarks/step.py --frames 16 --instance-length 4 --size 112 --batch 8     the paper's frames
    python benchmarks/step.py --device cuda --batch 32 ...

Needs only torch and torchvision. The settings are timed in turns, so that a slow minute of the machine slows all of
them, and the medians are compared. Inputs are random noise with random labels: the arithmetic does not depend on them.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models.video import r3d_18

from micacl.losses import MCCLLoss
from micacl.models import MICACL, R3DBackbone
from micacl.process.setup import keep_freed_memory
from micacl.training.precision import fastest_precision

CLASS_COUNTS = [164, 128, 180, 148, 99, 20, 61]  # of the built-in data set's first fold

Step = Callable[[], None]


def micacl_step(network: MICACL, loss: MCCLLoss, clip_BCFHW: Tensor, label_B: Tensor, bf16: bool, fused: bool) -> Step:
    """Makes a step of MICACL with MCCL and AdamW."""
    parameters = [*network.parameters(), *loss.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.05, fused=fused)

    def step() -> None:
        with torch.autocast(clip_BCFHW.device.type, torch.bfloat16, enabled=bf16):
            output = network(clip_BCFHW)
        terms = loss(*output, label_B, network.head)
        finish(terms["total"], parameters, optimizer)

    return step


def backbone_step(clip_BCFHW: Tensor, label_B: Tensor, bf16: bool, backbone: nn.Module, instance_length: int) -> Step:
    """Makes a step of R3D-18 on the same instances, their mean, a linear head and cross-entropy."""
    head = nn.Linear(512, len(CLASS_COUNTS)).to(clip_BCFHW.device)
    parameters = [*backbone.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.05, fused=True)
    num_instances = clip_BCFHW.shape[2] // instance_length

    def step() -> None:
        instances = clip_BCFHW.unflatten(2, (num_instances, instance_length)).transpose(1, 2).flatten(0, 1)
        with torch.autocast(clip_BCFHW.device.type, torch.bfloat16, enabled=bf16):
            features = backbone(instances.contiguous(memory_format=torch.channels_last_3d))
        logits = head(features.float().unflatten(0, (-1, num_instances)).mean(1))
        finish(F.cross_entropy(logits, label_B), parameters, optimizer)

    return step


def finish(loss: Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Computes the gradients, clips them and updates the parameters."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()


class PublicCode(MICACL):
    """The same network as public code runs it: torchvision's own R3D-18, contiguous."""

    def __init__(self, num_frames: int, instance_length: int) -> None:
        backbone = r3d_18()
        backbone.fc = nn.Identity()
        backbone.feature_dim = 512
        super().__init__(len(CLASS_COUNTS), num_frames, instance_length, backbone=backbone)

    def _instances(self, clip_BCFHW: Tensor) -> Tensor:
        shape = (self.num_instances, self.instance_length)
        return clip_BCFHW.unflatten(2, shape).transpose(1, 2).flatten(0, 1).contiguous()


def seconds(step: Step, device: torch.device) -> float:
    """Measures the wall-clock seconds of one step."""
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="height and width of a frame in pixels")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--instance-length", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    frames = (arguments.frames, arguments.instance_length)
    clip = torch.randn(arguments.batch, 3, arguments.frames, arguments.size, arguments.size, device=device)
    label = torch.randint(len(CLASS_COUNTS), (arguments.batch,), device=device)
    bf16 = fastest_precision(device.type) == "bf16-mixed"

    def loss() -> MCCLLoss:
        return MCCLLoss(CLASS_COUNTS).to(device)

    public = micacl_step(PublicCode(*frames).to(device), loss(), clip, label, bf16=False, fused=False)
    public_seconds = [seconds(public, device) for _ in range(arguments.repeats + 1)][1:]
    # From here on glibc keeps freed memory; public code does not ask for that.
    keep_freed_memory()
    channels_last = torch.channels_last_3d
    ours = MICACL(len(CLASS_COUNTS), *frames).to(device).to(memory_format=channels_last)
    steps = {
        "MICACL and MCCL": micacl_step(ours, loss(), clip, label, bf16, fused=True),
        "R3D-18 and cross-entropy, our backbone": backbone_step(
            clip, label, bf16, R3DBackbone().to(device).to(memory_format=channels_last), arguments.instance_length
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.repeats + 1):
        for name, step in steps.items():
            times[name].append(seconds(step, device))
    report(arguments, device, bf16, public_seconds, {name: values[1:] for name, values in times.items()})


def report(
    arguments: argparse.Namespace,
    device: torch.device,
    bf16: bool,
    public_seconds: list[float],
    times: dict[str, list[float]],
) -> None:
    """Prints the medians as a Markdown table with their ratios."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    print(f"{name}{threads}, torch {torch.__version__}, torchvision {torchvision.__version__}")
    print(
        f"batch {arguments.batch}, {arguments.frames} frames in instances of {arguments.instance_length}, "
        f"{arguments.size}x{arguments.size}, "
        f"medians of {arguments.repeats} steps\n"
    )
    public = statistics.median(public_seconds)
    ours, backbone = (statistics.median(values) for values in times.values())
    precision = "bf16" if bf16 else "fp32"
    print("| step | s | s per clip |\n| --- | --- | --- |")
    print(f"| MICACL and MCCL as public code runs it: fp32, contiguous, eager | {public:.3f} | "
          f"{public / arguments.batch:.3f} |")  # fmt: skip
    for label, value in zip(times, (ours, backbone), strict=True):
        print(f"| {label}, {precision}, channels-last | {value:.3f} | {value / arguments.batch:.3f} |")
    print(f"\nspeed-up over public code: {public / ours:.2f}")
    print(f"what MICACL adds to R3D-18 and cross-entropy: {ours / backbone - 1:+.1%}")


if __name__ == "__main__":
    main()
