"""Compares settings a, c and d with the backbone's last stage trained too: python -m experiments.last_stage"""

from pathlib import Path

from experiments.frozen.figures import compare
from experiments.frozen.runs import grid, read_results, run_all
from experiments.frozen.tables import difference, recall_table, settings_table, write_between_marks

FOLDER = Path(__file__).parent
# The options for training on the built-in data, with fewer epochs.
TRAINING = (
    "training.epochs=3",
    "training.batch_size=16",
    "training.learning_rate=3e-4",
    "training.warmup_epochs=0.5",
)
SETTINGS: dict[str, tuple[str, ...]] = {
    **{setting: (*TRAINING, f"ablation={setting}") for setting in "acd"},
    "d, MCCL at full weight": (*TRAINING, "ablation=d", "loss.contrastive_weight=1"),
}


def main() -> None:
    """Trains the runs that results.csv lacks, then writes the tables and the figure."""
    run_all(grid(SETTINGS, folds=(1, 2), seeds=(1, 2), protocol="published"), FOLDER, frozen_stages=3)
    results = read_results(FOLDER)
    names = list(SETTINGS)
    compare(results, names, FOLDER / "settings.png")
    readme = FOLDER / "README.md"
    text = write_between_marks(readme.read_text(encoding="utf-8"), "rates", settings_table(results, names, "a"))
    text = write_between_marks(text, "recalls", recall_table(results, names))
    lines = [f"{name} against c: {difference(results, name, 'c', 'uar')} of UAR  " for name in names[2:]]
    readme.write_text(write_between_marks(text, "mccl", lines), encoding="utf-8")


if __name__ == "__main__":
    main()
