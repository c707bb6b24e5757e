"""Compares the choices that the paper leaves open on held-out training clips: python -m experiments.open_choices"""

from pathlib import Path

from experiments.frozen.figures import compare, terms_over_training
from experiments.frozen.runs import grid, read_results, read_terms, run_all
from experiments.frozen.tables import settings_table, write_between_marks

FOLDER = Path(__file__).parent
SETTINGS: dict[str, tuple[str, ...]] = {
    "default": (),
    "GEIIM's alpha from one half": ("model.geiim.initial_alpha=0.5",),
    "GEIIM without convolutions": ("model.geiim.kernels=[]",),
    "WIAN's weights as printed": ("model.wian.weight_scale=printed",),
    "WIAN without residual": ("model.wian.residual=false",),
    "MCCL as printed": ("loss=mccl_printed",),
    "MCCL's weights as printed": ("loss.contrastive.weighting=printed",),
    "MCCL at full weight": ("loss.contrastive_weight=1",),
    "no contrast": ("loss.contrastive_weight=0",),
    "no feature augmentation": ("loss.augmentation_weight=0",),
    "no intensity-aware loss": ("loss.intensity_weight=0",),
    "square_root sampler": ("dataset.sampler=square_root",),
    "uniform sampler": ("dataset.sampler=uniform",),
    "uniform sampler, MCCL at full weight": ("dataset.sampler=uniform", "loss.contrastive_weight=1"),
}
SHOWN = ("default", "MCCL at full weight", "MCCL as printed", "uniform sampler")


def main() -> None:
    """Trains the runs that results.csv lacks, then writes the table and the figures."""
    run_all(grid(SETTINGS, folds=(1,), seeds=(1, 2, 3), protocol="holdout"), FOLDER)
    results = read_results(FOLDER)
    compare(results, list(SETTINGS), FOLDER / "settings.png")
    terms_over_training(read_terms(FOLDER), SHOWN, FOLDER / "terms.png")
    readme = FOLDER / "README.md"
    table = settings_table(results, list(SETTINGS), "default")
    readme.write_text(write_between_marks(readme.read_text(encoding="utf-8"), "rates", table), encoding="utf-8")


if __name__ == "__main__":
    main()
