"""The built wheel holds everything that the command needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_holds_every_file(unpacked: Path) -> None:
    def files(folder: Path) -> set[str]:
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    package = files(REPOSITORY / "src")
    conf = {f"micacl/conf/{name}" for name in files(REPOSITORY / "conf")}
    assert {"micacl/conf/train.yaml", "micacl/reporting/published.yaml", "micacl/py.typed"} <= package | conf
    (info,) = unpacked.glob("micacl-*.dist-info")
    assert files(unpacked) - {f"{info.name}/{name}" for name in files(info)} == package | conf
    assert any("LICENSE" in name for name in files(info))


def test_the_command_runs_from_the_wheel_alone(unpacked: Path, tmp_path: Path) -> None:
    # A change that only the unpacked config has shows where the config comes from.
    main = unpacked / "micacl" / "conf" / "train.yaml"
    main.write_text(main.read_text().replace("seed: 1  ", "seed: 4321  "))
    done = subprocess.run(
        [sys.executable, "-m", "micacl.train", "--cfg", "job", "ablation=b"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "seed: 4321" in done.stdout
    assert "wian: false" in done.stdout
    assert not list(tmp_path.iterdir())
