"""Chooses the decoders of a run, and says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from micacl.data.frames.decoding import Readers
from micacl.data.frames.with_decord import decord_problem, read_with_decord
from micacl.data.frames.with_jpeg import decode_jpeg, jpeg_problem
from micacl.data.frames.with_torchcodec import read_with_torchcodec, torchcodec_problem
from micacl.errors import UserError

Backend = Literal["auto", "decord", "torchcodec", "jpeg"]
Device = Literal["auto", "cpu", "cuda"]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Decoding:
    """Says what is decoded by which decoder on which device.

    Attributes:
        readers: The functions that decode in the workers.
        device: The device on which the main process decodes; None leaves everything to the workers.
        videos: Whether the main process decodes regular video files.
        jpegs: Whether the main process decodes JPEGs.
        reason: One line that tells the user which decoders are used and why.
    """

    readers: Readers
    device: torch.device | None
    videos: bool
    jpegs: bool
    reason: str


def check_options(backend: str, device: str) -> None:
    """Refuses options that no run can use.

    Args:
        backend: The option dataset.decode.backend.
        device: The option dataset.decode.device.

    Raises:
        UserError: If a name is unknown, or decord is to decode on a GPU.
    """
    for name, value, known in (("backend", backend, get_args(Backend)), ("device", device, get_args(Device))):
        if value not in known:
            raise UserError(f"dataset.decode.{name} is {value}; set it to one of {', '.join(known)}")
    if backend == "decord" and device == "cuda":
        raise UserError(
            "dataset.decode.backend=decord cannot decode on a GPU: its packages are built without CUDA; set "
            "dataset.decode.device=cpu, or dataset.decode.backend=auto"
        )


def choose_decoding(backend: Backend, device: Device, paths: Sequence[Path], run_device: torch.device) -> Decoding:
    """Chooses the fastest decoders that work here, within what is asked for.

    Args:
        backend: The option dataset.decode.backend; a name other than auto is refused if there are clips that this
            backend does not read.
        device: The option dataset.decode.device; auto is the GPU if the run has one.
        paths: The files and folders of the clips.
        run_device: The device that trains.

    Raises:
        UserError: If what is asked for cannot work here; the message says what is missing.
    """
    check_options(backend, device)
    _refuse_wrong_clips(backend, paths)
    on_gpu = run_device.type == "cuda"
    if device == "cuda" and not on_gpu:
        raise UserError(
            f"dataset.decode.device=cuda needs a run on a CUDA GPU, and this one is on {run_device}; set trainer=gpu "
            "where there is one, or dataset.decode.device=auto"
        )
    if on_gpu and device != "cpu" and backend != "decord":
        return _on_gpu(backend, device, run_device)
    return _in_workers(backend, "")


def _refuse_wrong_clips(backend: Backend, paths: Sequence[Path]) -> None:
    if backend == "auto":
        return
    wrong = next((path for path in paths if path.exists() and path.is_dir() != (backend == "jpeg")), None)
    if wrong is None:
        return
    reads, found = ("frame folders", "a video file") if backend == "jpeg" else ("video files", "a folder of frames")
    raise UserError(
        f"dataset.decode.backend={backend} reads {reads}, and {wrong} is {found}; set dataset.decode.backend=auto"
    )


def _on_gpu(backend: Backend, device: Device, gpu: torch.device) -> Decoding:
    problems = {"torchcodec": torchcodec_problem(gpu), "jpeg": jpeg_problem(gpu)}
    if backend != "auto" and problems[backend]:
        if device == "cuda":
            raise UserError(f"dataset.decode.backend={backend} dataset.decode.device=cuda: {problems[backend]}")
        return _in_workers(backend, f"; not on the GPU: {problems[backend]}")
    if all(problems.values()):
        text = "; ".join(problems.values())
        if device == "cuda":
            raise UserError(f"dataset.decode.device=cuda: {text}")
        return _in_workers(backend, f"; not on the GPU: {text}")
    rest = _in_workers("auto", "")
    videos = f"not on the GPU ({problems['torchcodec']})" if problems["torchcodec"] else "torchcodec's NVDEC"
    jpegs = f"not on the GPU ({problems['jpeg']})" if problems["jpeg"] else "nvJPEG"
    reason = f"decoding on {gpu}: video files by {videos}, JPEGs by {jpegs}; {rest.reason} for the rest"
    return Decoding(rest.readers, gpu, not problems["torchcodec"], not problems["jpeg"], reason)


def _in_workers(backend: Backend, why_not_gpu: str) -> Decoding:
    if backend == "decord":
        _require(backend, decord_problem())
        return Decoding(Readers(video=read_with_decord), None, False, False, "decoding in the workers: decord, as set")
    torchcodec, jpeg = torchcodec_problem(CPU), jpeg_problem(CPU)
    if backend == "torchcodec":
        _require(backend, torchcodec)
    if backend == "jpeg":
        _require(backend, jpeg)
    # In the order of benchmarks/README.md: torchcodec before PyAV, which is before decord; libjpeg before Pillow.
    readers = Readers(None if torchcodec else read_with_torchcodec, None if jpeg else decode_jpeg)
    videos = f"PyAV ({torchcodec})" if torchcodec else "torchcodec"
    jpegs = f"Pillow ({jpeg})" if jpeg else "torchvision"
    reason = f"decoding in the workers: video files with {videos}, JPEGs with {jpegs}, the fastest here{why_not_gpu}"
    return Decoding(readers, None, False, False, reason)


def _require(backend: Backend, problem: str) -> None:
    if problem:
        raise UserError(f"dataset.decode.backend={backend}: {problem}; or set dataset.decode.backend=auto")
