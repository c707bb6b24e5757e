"""Reads NumPy archives of a run folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError


@contextmanager
def open_arrays(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Opens an archive without ever unpickling, and reports what goes wrong while the block reads from it.

    Args:
        path: The file.

    Yields:
        The arrays by name, each read when it is asked for.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If the file is damaged, or lacks an array that the block asks for.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise UserError(f"{path} is damaged: {error.args[0]}.") from error
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
