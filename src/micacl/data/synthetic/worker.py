"""Draws one share of the clips in a process of its own; `generate` starts it.

It is a plain child process and not one of a pool: a pool's processes would first import the program that asked for the
data set, PyTorch included.
"""

import json
import sys
from pathlib import Path

import cv2

from micacl.data.synthetic.encode import write_mp4
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip

# The exit status of a worker that could not write (EX_IOERR of sysexits.h).
WRITING_FAILED = 74


def main() -> int:
    """Draws every n-th clip. The arguments are the recipe as JSON, the folder, this worker's number, and n."""
    recipe = Recipe(**json.loads(sys.argv[1]))
    folder, worker, num_workers = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    # There is one worker per core already.
    cv2.setNumThreads(0)
    for clip in plan_clips(recipe)[worker::num_workers]:
        frames = render_clip(recipe, clip)
        try:
            write_mp4(folder / clip.path, frames)
        except OSError as error:
            print(error.strerror or error, file=sys.stderr)
            return WRITING_FAILED
        # One line for each finished clip; if the parent is gone, printing fails and ends this worker.
        print(clip.path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
