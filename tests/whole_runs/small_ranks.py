"""``python -m tests.whole_runs.small_ranks OPTION...``: micacl.train with the small network in every process.

The variable HIT, ``STEP:SIGNAL``, lets the first rank send the job's process a signal in its STEP-th training step.
"""

import os
import signal

from tests.small_network import SmallBackbone, small_network
from torch import Tensor

from micacl.build.network import NETWORKS


class HittingBackbone(SmallBackbone):
    """Counts the training steps; no hook of Lightning, which a rank must not import before it knows its number."""

    steps = 0

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        """As the small network's."""
        if self.training and os.environ.get("RANK") == "0":
            self.steps += 1
            step, _, name = os.environ.get("HIT", "").partition(":")
            if step == str(self.steps):
                os.kill(os.getppid(), signal.Signals[name])
        return super().forward(instances_NCLHW)


def use_small_network() -> None:
    """Registers the small network in this process; not on import, which pytest does while it collects."""
    NETWORKS["small"] = small_network(HittingBackbone)


if __name__ in ("__main__", "__mp_main__"):  # also in the processes that it spawns
    use_small_network()

if __name__ == "__main__":
    from micacl.train import main

    main()
