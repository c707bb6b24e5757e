"""Models, losses and the benchmark of a step run with torch and torchvision alone, as on a bare GPU machine."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# None makes an import fail as if the package was not installed.
SCRIPT = """
import runpy, sys

sys.modules.update(dict.fromkeys({packages}))
import micacl.losses, micacl.models
sys.argv = ["step.py", "--help"]
runpy.run_path({step!r}, run_name="__main__")
"""
# The packages that pyproject.toml asks for beside them, by the names that they are imported by.
PACKAGES = {
    "lightning", "hydra", "omegaconf", "torchmetrics", "wandb", "decord", "av", "cv2", "safetensors", "sklearn",
    "openTSNE", "scipy", "plotly", "jinja2", "threadpoolctl", "matplotlib", "yaml", "rich", "platformdirs",
}  # fmt: skip


def test_models_losses_and_the_benchmark_of_a_step_need_torch_and_torchvision_alone() -> None:
    script = SCRIPT.format(packages=PACKAGES, step=str(ROOT / "benchmarks" / "step.py"))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Measures a training step" in done.stdout
