"""Put the repository's root on the path: importlib mode does not, and `tests.oracles` is imported from there."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
