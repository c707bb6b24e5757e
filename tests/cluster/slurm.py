"""A Slurm cluster of two nodes on this one machine: ``python -m tests.cluster.slurm start`` and ``stop FOLDER``.

Nothing outside the cluster's folder is written, and only its own processes are stopped. It needs root, slurmctld,
slurmd and munged (tests/cluster/install.sh).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

NODES = ("n1", "n2")
CPUS = 2  # of each node, whatever the machine has
START_SECONDS = 60
STOP_SECONDS = 20

_CONFIG = """\
ClusterName=micacl
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
ReturnToService=2
KillWait=5
InactiveLimit=0
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus}
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus}
PartitionName=test Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def start() -> Path:
    """Starts the cluster.

    Returns:
        Its folder; ``SLURM_CONF=FOLDER/slurm.conf`` lets Slurm's commands find it.

    Raises:
        RuntimeError: If the nodes are not ready within a minute.
    """
    folder = Path(tempfile.mkdtemp(prefix="micacl-slurm-", dir="/tmp"))  # a short path: it holds a socket
    folder.chmod(0o755)  # as munge asks
    (folder / "state").mkdir()
    (folder / "munge.key").touch(mode=0o600)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    host = socket.gethostname().partition(".")[0]
    config = folder / "slurm.conf"
    config.write_text(_CONFIG.format(host=host, folder=folder, nodes=NODES, cpus=CPUS, ports=_free_ports(3)))
    commands = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key",
         f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"],
        ["slurmctld", "-D", "-f", str(config)],
        *(["slurmd", "-D", "-N", node, "-f", str(config)] for node in NODES),
    ]  # fmt: skip
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(_start(command, folder))
            (folder / "pids.json").write_text(json.dumps([process.pid for process in processes]))
            if command[0] == "munged":
                _wait_for(lambda: (folder / "munge.socket").exists(), processes, folder)
        _wait_for(lambda: _idle_nodes(config) == len(NODES), processes, folder)
    except BaseException:
        stop(folder, keep=True)
        raise
    return folder


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=folder
        )


def _wait_for(ready: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        ended = [process.args for process in processes if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            log = (folder / "output.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the cluster does not start ({ended or 'too slow'}); {folder} has its logs\n{log}")
        time.sleep(0.2)


def _idle_nodes(config: Path) -> int:
    try:
        done = subprocess.run(
            ["sinfo", "--noheader", "--Node", "--format=%T"],
            env=os.environ | {"SLURM_CONF": str(config)}, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 0
    return done.stdout.split().count("idle")


def stop(folder: Path, keep: bool = False) -> None:
    """Cancels what still runs on the cluster and ends its processes.

    Args:
        folder: The cluster's.
        keep: Whether the folder stays, with the logs.
    """
    environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    pids = json.loads((folder / "pids.json").read_text()) if (folder / "pids.json").is_file() else []
    if len(pids) > 2:
        cancel = ["scancel", "--user=root", "--signal=KILL", "--full"]
        for command in (cancel, ["scancel", "--user=root"]):
            with suppress(subprocess.TimeoutExpired):  # the controller does not answer: its processes are ended below
                subprocess.run(command, env=environment, timeout=STOP_SECONDS, capture_output=True, check=False)
        time.sleep(1)
    for pid in reversed(pids):
        _end(pid)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _end(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    try:
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            if not _runs(pid):
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _runs(pid: int) -> bool:
    """Whether a process goes on; one that has ended, and that we started, waits to be asked."""
    try:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
    except ChildProcessError:  # started by another command
        os.kill(pid, 0)
    return True


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["start"]:
            print(f"export SLURM_CONF={start()}/slurm.conf")
        case ["stop", place]:
            stop(Path(place))
        case _:
            sys.exit("python -m tests.cluster.slurm start | stop FOLDER")
