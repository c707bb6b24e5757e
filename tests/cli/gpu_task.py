"""``python -m tests.cli.gpu_task OPTION... -m``: jobs that note their process and the GPUs that it sees.

The first three wait for one another, so that each of them is in a process of its own.
"""

import json
import os
import time

from micacl.cli.command import command
from micacl.run.job import Job
from micacl.settings import Settings

AT_ONCE = 3  # GPUs of the test
SECONDS = 240


@command("train", Settings, lambda _: None)
def main(settings: Settings, job: Job) -> None:
    seen = {"gpus": os.environ["CUDA_VISIBLE_DEVICES"], "process": os.getpid()}
    (job.folder / "seen.part").write_text(json.dumps(seen))
    (job.folder / "seen.part").rename(job.folder / "seen.json")
    deadline = time.monotonic() + SECONDS
    while len(list(job.folder.parent.glob("*/seen.json"))) < AT_ONCE:
        assert time.monotonic() < deadline, "the other jobs do not start"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
