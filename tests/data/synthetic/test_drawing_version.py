"""Pixels that change must come with another `DRAWING_VERSION`: caches and records name the drawn data by it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from micacl.data.synthetic import recipe as recipe_module
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import DRAWING_VERSION, Recipe

# SHA-256 of the frames of a few clips, and of the plan, by version of the drawing. Where pixels are meant to change,
# raise DRAWING_VERSION and add a line; an old line is never edited.
FRAMES = {1: "0b7f25a5ab88601b657570d5adf5510715aa3c2310796252f7ec58fed6462627"}
PLAN = {1: "e6d09ed7ad1a6e1d0aca4bae772f36a3174a0d53740d9c64b64240e1e65cf88d"}

# Which clips: between them, every expression, an occlusion, the smallest frame and weak expressions.
DRAW = """
import hashlib, sys
import cv2
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip

cv2.setUseOptimized(False)
cv2.setNumThreads(0)
digest = hashlib.sha256()
for recipe, indices in ((Recipe(frame_size=32), range(0, 21, 3)), (Recipe(strength=0.5, frame_size=64, seed=1), (5,))):
    clips = plan_clips(recipe)
    for index in indices:
        digest.update(render_clip(recipe, clips[index]).tobytes())
print(digest.hexdigest())
"""


def frames_hash() -> str:
    """Draws without the instructions that only some processors have, whose roundings may differ."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(recipe_module.__file__).parents[3]),
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, timeout=240, check=True
    )
    return done.stdout.strip()


def plan_hash() -> str:
    plans = [[vars(clip) for clip in plan_clips(Recipe(seed=seed))] for seed in (0, 1)]
    return hashlib.sha256(json.dumps(plans, sort_keys=True).encode()).hexdigest()


def test_the_drawn_pixels_are_those_of_the_version() -> None:
    assert frames_hash() == FRAMES[DRAWING_VERSION]


def test_the_planned_clips_are_those_of_the_version() -> None:
    assert plan_hash() == PLAN[DRAWING_VERSION]
