"""No kernel that the backbone uses may read memory that nobody wrote.

oneDNN's bfloat16 weight gradient of a 3-D convolution of depth 2 does, in torch 2.14.1: harmless while fresh memory
is zero, NaN once it is not. ``MALLOC_PERTURB_`` lets glibc fill fresh memory with rubbish.

On processors without bfloat16 instructions oneDNN computes with other kernels, slowly: one case tries those. Of each
stage the first block runs alone: the second calls the same kernels on the same shapes as the first block's
second half, for nearly half of the time.
"""

import os
import platform
import subprocess
import sys

import pytest

from micacl.training.precision import fastest_precision

# Instances, and frames in each.
CASES = [(16, 2), (16, 4), (16, 8), (64, 4)] if fastest_precision("cpu") == "bf16-mixed" else [(16, 4)]
SCRIPT = """
import torch
from micacl.models import R3DBackbone

torch.manual_seed(0)
backbone = R3DBackbone().to(memory_format=torch.channels_last_3d)
for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
    del stage[1]
instances = torch.randn({instances}, 3, {depth}, 32, 32).to(memory_format=torch.channels_last_3d)
with torch.autocast("cpu", torch.bfloat16):
    features = backbone(instances)
features.float().square().mean().backward()
bad = [name for name, p in backbone.named_parameters() if not p.grad.abs().max() < 1e6]
assert not bad, bad
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="MALLOC_PERTURB_ is glibc's")
@pytest.mark.parametrize(("instances", "depth"), CASES)
def test_gradients_do_not_depend_on_fresh_memory(instances: int, depth: int) -> None:
    script = SCRIPT.format(instances=instances, depth=depth)
    environment = os.environ | {"MALLOC_PERTURB_": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
