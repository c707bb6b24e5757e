"""Checks that no pickle among the data is loaded, because loading one runs code."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.frames.frame_choices import every

from micacl.data.cache.frame_file import read_frames
from micacl.data.datasets.csv_rows import read_rows
from micacl.data.frames.decoding import decode_frames
from micacl.errors import DecodeError, UserError


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def test_the_bomb_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


READERS: dict[str, Callable[[Path], object]] = {
    "1.mp4": lambda path: decode_frames(path, every),
    "1/1.jpg": lambda path: decode_frames(path.parent, every),
    "list.csv": lambda path: list(read_rows(path, ("path", "label"))),
    "cache.npy": lambda path: read_frames(path, 64, every),
}


@pytest.mark.parametrize("form", ["pickle", "object array"])
@pytest.mark.parametrize("name", READERS)
def test_no_pickle_among_the_data_is_loaded(name: str, form: str, tmp_path: Path) -> None:
    path, mark = tmp_path / name, tmp_path / "mark"
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        if form == "pickle":
            pickle.dump(Bomb(mark), file)
        else:
            np.save(file, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    with pytest.raises((DecodeError, UserError, ValueError)):
        READERS[name](path)
    assert not mark.exists()
