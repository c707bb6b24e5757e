"""``python -m tests.cli.gpu_task OPTION... -m``: jobs that note which GPUs they see, and when."""

import json
import os
import time

from micacl.cli.command import command
from micacl.run.job import Job
from micacl.settings import Settings


@command("train", Settings, lambda _: None)
def main(settings: Settings, job: Job) -> None:
    start = time.time()
    time.sleep(0.05 * settings.seed)
    seen = {"gpus": os.environ["CUDA_VISIBLE_DEVICES"], "process": os.getpid(), "start": start, "end": time.time()}
    (job.folder / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
