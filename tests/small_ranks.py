"""``python tests/small_ranks.py OPTION...``: micacl.train with the small network, in every process that it starts."""

from tests.runs import SmallBackbone

import micacl.models.micacl

vars(micacl.models.micacl)["R3DBackbone"] = SmallBackbone

if __name__ == "__main__":
    from micacl.train import main

    main()
