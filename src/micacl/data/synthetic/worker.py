"""Draws one share of the clips in a process of its own; `generate` starts it.

A plain child process and not a pool: a pool's processes would import the program that asked for the data set, with
PyTorch and all, before they draw a line.
"""

import json
import sys
from pathlib import Path

import cv2

from micacl.data.synthetic.encode import write_mp4
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip

# The exit status by which a worker says that writing failed (EX_IOERR of sysexits.h).
WRITING_FAILED = 74


def main() -> int:
    """Draws every n-th clip: arguments are the recipe as JSON, the folder, this worker's number, and n."""
    recipe = Recipe(**json.loads(sys.argv[1]))
    folder, worker, num_workers = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    # The workers themselves fill the cores.
    cv2.setNumThreads(0)
    for clip in plan_clips(recipe)[worker::num_workers]:
        frames = render_clip(recipe, clip)
        try:
            write_mp4(folder / clip.path, frames)
        except OSError as error:
            print(error.strerror or error, file=sys.stderr)
            return WRITING_FAILED
        # One line for each finished clip; if nobody reads it any more, the parent is gone and so are we.
        print(clip.path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
