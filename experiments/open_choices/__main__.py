"""What the paper leaves open, chosen on held-out training clips: python -m experiments.open_choices"""

from pathlib import Path

from experiments.frozen.figures import compare, terms_over_training
from experiments.frozen.runs import grid, read_results, read_terms, run_all
from experiments.frozen.tables import settings_table, write_between_marks

FOLDER = Path(__file__).parent
SETTINGS: dict[str, tuple[str, ...]] = {
    "default": (),
    "WIAN's weights as printed": ("model.wian.weight_scale=printed",),
    "WIAN without residual": ("model.wian.residual=false",),
    "GEIIM without convolutions": ("model.geiim.kernels=[]",),
    "MCCL as printed": ("loss=mccl_printed",),
    "MCCL's weights as printed": ("loss.contrastive.weighting=printed",),
    "MCCL at a tenth": ("loss.contrastive_weight=0.1",),
    "no feature augmentation": ("loss.augmentation_weight=0",),
    "no intensity-aware loss": ("loss.intensity_weight=0",),
    "class_balanced sampler": ("dataset.sampler=class_balanced",),
    "square_root sampler": ("dataset.sampler=square_root",),
    "MCCL at a tenth, class_balanced": ("loss.contrastive_weight=0.1", "dataset.sampler=class_balanced"),
}
SHOWN = ("default", "MCCL as printed", "MCCL's weights as printed", "MCCL at a tenth")


def main() -> None:
    """Trains what is missing, then writes the table and the figures."""
    run_all(grid(SETTINGS, folds=(1,), seeds=(1, 2, 3), protocol="holdout"), FOLDER)
    results = read_results(FOLDER)
    compare(results, list(SETTINGS), FOLDER / "settings.png")
    terms_over_training(read_terms(FOLDER), SHOWN, FOLDER / "terms.png")
    readme = FOLDER / "README.md"
    table = settings_table(results, list(SETTINGS), "default")
    readme.write_text(write_between_marks(readme.read_text(encoding="utf-8"), "rates", table), encoding="utf-8")


if __name__ == "__main__":
    main()
