"""Finds out which code runs: the commit of the checkout and the versions of the packages that decide figures."""

import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_PACKAGES = (
    "micacl", "torch", "torchvision", "lightning", "torchmetrics", "decord", "numpy", "scikit-learn", "hydra-core",
    "omegaconf", "wandb", "av", "opencv-python-headless",
)  # fmt: skip


def git_state() -> dict[str, Any]:
    """Reads the commit of the checkout that the package runs from, and whether it was changed; None outside of one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": None, "git_changed": None}
    return {"git_commit": commit.stdout.strip(), "git_changed": bool(changes.stdout.strip())}


def package_versions() -> dict[str, str]:
    """Lists the installed version of each package that decides a run's figures."""
    return {dist.metadata["Name"]: dist.version for dist in distributions() if dist.metadata["Name"] in _PACKAGES}
