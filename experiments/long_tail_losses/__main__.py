"""Compares MCCL with other losses for long tails, on the same network: python -m experiments.long_tail_losses"""

from pathlib import Path

from experiments.frozen.figures import compare
from experiments.frozen.runs import grid, read_results, run_all
from experiments.frozen.tables import recall_table, settings_table, write_between_marks

FOLDER = Path(__file__).parent
# The baseline network, without GEIIM and WIAN, and every clip once per epoch: the settings differ only in their losses.
NETWORK = ("ablation.geiim=false", "ablation.wian=false", "dataset.sampler=uniform")
BALANCED = (*NETWORK[:-1], "dataset.sampler=class_balanced")
SETTINGS: dict[str, tuple[str, ...]] = {
    "cross-entropy": (
        *NETWORK,
        "loss=cross_entropy",
    ),
    "MCCL": (
        *NETWORK,
        "loss=mccl",
    ),
    "MCCL at full weight": (
        *NETWORK,
        "loss=mccl",
        "loss.contrastive_weight=1",
    ),
    "focal": (
        *NETWORK,
        "loss=focal",
    ),
    "class-balanced": (
        *NETWORK,
        "loss=class_balanced",
    ),
    "logit adjustment (balanced softmax)": (
        *NETWORK,
        "loss=logit_adjustment",
    ),
    "supervised contrastive": (
        *NETWORK,
        "loss=supervised_contrastive",
    ),
    "cross-entropy, class_balanced sampler": (*BALANCED, "loss=cross_entropy"),
    "MCCL, class_balanced sampler": (*BALANCED, "loss=mccl"),
}


def main() -> None:
    """Trains the runs that results.csv lacks, then writes the tables and the figure."""
    run_all(grid(SETTINGS, folds=(1, 2), seeds=(1, 2, 3), protocol="published"), FOLDER)
    results = read_results(FOLDER)
    compare(results, list(SETTINGS), FOLDER / "losses.png")
    readme = FOLDER / "README.md"
    table = settings_table(results, list(SETTINGS), "cross-entropy")
    text = write_between_marks(readme.read_text(encoding="utf-8"), "rates", table)
    readme.write_text(write_between_marks(text, "recalls", recall_table(results, list(SETTINGS))), encoding="utf-8")


if __name__ == "__main__":
    main()
