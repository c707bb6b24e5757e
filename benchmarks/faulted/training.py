"""Runs micacl.train with the tests' small network and with faults: ``python -m faulted.training OPTION...``.

The variable HIT names the faults (see tests/whole_runs/small_train.py). The first rank appends a byte to the file STEPS
for each training step that it begins.
"""

import os
from pathlib import Path

from tests.small_network import SmallBackbone, small_network
from torch import Tensor

from micacl.build.network import NETWORKS


class CountingBackbone(SmallBackbone):
    """Writes a byte for each training step."""

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        """Runs the small network."""
        if self.training and os.environ.get("RANK", "0") == "0":
            with Path(os.environ["STEPS"]).open("ab") as file:
                file.write(b".")
        return super().forward(instances_NCLHW)


if __name__ == "__main__":
    from tests.whole_runs.small_train import prepare

    prepare(os.environ["HIT"])

if __name__ in ("__main__", "__mp_main__"):  # also in ranks, which must not import Lightning before they know theirs
    NETWORKS["small"] = small_network(CountingBackbone)

if __name__ == "__main__":
    from micacl.train import main

    main()
