"""``python -m tests.small_ranks OPTION...``: micacl.train with the small network, in every process that it starts."""

from tests.runs import SmallBackbone

import micacl.models.micacl


def use_small_network() -> None:
    """Puts the small backbone into this process; not on import, which pytest does while it collects."""
    vars(micacl.models.micacl)["R3DBackbone"] = SmallBackbone


if __name__ in ("__main__", "__mp_main__"):  # also in the processes that it spawns
    use_small_network()

if __name__ == "__main__":
    from micacl.train import main

    main()
