"""Computes GPU-hours, disk and limits of the paper's tables on 1 to 64 GPUs from measurements and assumptions.

    python benchmarks/scaling.py

prints the tables of docs/scaling.md. Nothing is measured here: the measurements are those of benchmarks/README.md
and docs/fidelity.md, and the assumptions are marked, here and in docs/scaling.md.
"""

from dataclasses import dataclass

# Measured (docs/fidelity.md, benchmarks/README.md, README.md).
MULTIPLY_ADDS = 34.13e9  # of the forward pass of a clip, 16 frames of 112x112
PARAMETERS = 36.85e6
RUN_GB = 0.592  # checkpoints 444 + 147 MB, and the rest
LOADED_PER_CORE = 1633.2 / 2  # clips per second from the cache with augmentation, on one core
DECODED_PER_CORE = 85.4 / 2  # clips per second from videos, on one core
CACHED_CLIP_BYTES = 16 * 49.2e3  # 16 frames of 128x128
JPEG_CLIP_BYTES = 16 * 5.2e3
CACHE_GB = {"DFEW": 62.0, "FERV39k": 53.6}

# Assumed.
BACKWARD = 2  # a backward pass takes twice the arithmetic of a forward pass
RATES = {"30": 30e12, "60": 60e12, "120": 120e12}  # floating-point operations per second that a GPU sustains
RATE = RATES["60"]
GPUS_A_NODE = 8
INSIDE, BETWEEN = 200e9, 10e9  # bytes per second of an all-reduce: NVLink; 100 Gbit/s of network per node
LATENCY_INSIDE, LATENCY_BETWEEN = 30e-6, 100e-6  # seconds of one collective
COLLECTIVES = 4 * 20 + 6  # per step: 20 batch normalisations twice forward and backward, MCCL's gathers
EPOCHS = 300
BATCH = 32

OPERATIONS = 2 * MULTIPLY_ADDS
STEP_OPERATIONS = (1 + BACKWARD) * OPERATIONS


@dataclass(frozen=True)
class Work:
    """One table of the paper."""

    name: str
    data: str
    runs: int
    train_clips: int
    test_clips: int

    @property
    def operations(self) -> float:
        """Computes the operations of all runs; every epoch is tested, as for published results."""
        return self.runs * EPOCHS * (self.train_clips * STEP_OPERATIONS + self.test_clips * OPERATIONS)


TABLES = (
    Work("Table I: DFEW, 5 folds", "DFEW", 5, 9358, 2339),
    Work("Table II: FERV39k, official split", "FERV39k", 1, 31088, 7847),
    Work("Table III: DFEW, fold 5, 4 settings", "DFEW", 4, 9358, 2339),
    Work("a study: DFEW, 4 settings, 5 folds, 3 seeds", "DFEW", 60, 9358, 2339),
)


def print_hours() -> None:
    """Prints GPU-hours and disk of each table of the paper."""
    print(f"| what | runs | {' | '.join(f'GPU-hours at {rate} Tflop/s' for rate in RATES)} | run folders | cache |")
    print("| --- " * (4 + len(RATES)) + "|")
    for work in TABLES:
        hours = " | ".join(f"{work.operations / rate / 3600:.1f}" for rate in RATES.values())
        disk = f"{work.runs * RUN_GB:.1f} GB | {CACHE_GB[work.data]:.0f} GB"
        print(f"| {work.name} | {work.runs} | {hours} | {disk} |")


def print_limits(weak: bool) -> None:
    """Prints the limits of one run on 1 to 64 GPUs, with a batch of 32 in all, or on each GPU if `weak`."""
    print("| GPUs | network, ms | gradients, ms | batch norm and MCCL, ms | MCCL's gather alone, ms | the limit "
          "| speed-up | cores to load | cores to decode | cache, GB/s |")  # fmt: skip
    print("| --- " * 10 + "|")
    for gpus in (1, 2, 4, 8, 16, 32, 64):
        clips = BATCH if weak else BATCH / gpus
        network = clips * STEP_OPERATIONS / RATE
        across = gpus > GPUS_A_NODE
        bandwidth, latency = (BETWEEN, LATENCY_BETWEEN) if across else (INSIDE, LATENCY_INSIDE)
        share = 2 * (gpus - 1) / gpus
        gradients = share * 4 * PARAMETERS / bandwidth
        gathered = share * clips * gpus * 512 * 4 / bandwidth + 2 * latency * (gpus > 1)
        small = COLLECTIVES * latency * (gpus > 1) + gathered
        # Gradients travel during the backward pass; the small collectives stop it.
        step = max(network, gradients) + small
        speed = clips * gpus / step
        parts = {"network": network, "gradients": gradients, "latency of the small collectives": small}
        limit = max(parts, key=lambda name: parts[name])
        print(
            f"| {gpus} | {1e3 * network:.1f} | {1e3 * gradients:.1f} | {1e3 * small:.1f} | {1e3 * gathered:.2f} "
            f"| {limit} | {speed / (RATE / STEP_OPERATIONS):.1f} | {speed / LOADED_PER_CORE:.1f} "
            f"| {speed / DECODED_PER_CORE:.0f} | {speed * CACHED_CLIP_BYTES / 1e9:.2f} |"
        )


def print_large() -> None:
    """Prints the disk and bandwidth for a data set of 100 times DFEW."""
    clips, frames = 100 * 16372, 77
    print("| form | TB | GB/s for 64 GPUs |")
    print("| --- | --- | --- |")
    speed = 64 * RATE / STEP_OPERATIONS
    for name, frame_bytes, clip_bytes in (
        ("raw frames of 128x128", 49.2e3, CACHED_CLIP_BYTES),
        ("JPEG 90 of 128x128", 5.2e3, JPEG_CLIP_BYTES),
    ):
        print(f"| {name} | {clips * frames * frame_bytes / 1e12:.1f} | {speed * clip_bytes / 1e9:.2f} |")


if __name__ == "__main__":
    print_hours()
    print("\nOne run, 32 clips per step in all:\n")
    print_limits(weak=False)
    print("\nOne run, 32 clips per step on each GPU:\n")
    print_limits(weak=True)
    print()
    print_large()
