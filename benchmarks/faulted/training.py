"""``python -m faulted.training OPTION...``: micacl.train with the tests' small network, which can be hit.

It takes its hits from the variable HIT (see tests/whole_runs/small_train.py), and appends a byte to the file STEPS for
each training step that the first rank begins.
"""

import os
from pathlib import Path

from tests.small_network import SmallBackbone, small_network
from torch import Tensor

from micacl.build.network import NETWORKS


class CountingBackbone(SmallBackbone):
    """Appends a byte to the file for each training step."""

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        """As the small network's."""
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
