"""Makes tables of test clips for W&B: all predictions, the t-SNE with pictures, and the clips worth looking at."""

import io
from collections.abc import Sequence
from typing import Any

import wandb
from PIL import Image
from PIL.Image import Resampling

from micacl.reporting.one_run.clips_to_show import clips_to_show
from micacl.reporting.one_run.embedding import embed_run
from micacl.reporting.one_run.pictures import open_image
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE, read_images
from micacl.run_folder.predictions import read_predictions
from micacl.run_folder.record import Run

FRAMES_PER_SECOND = 8  # the few frames that the network sees, slowly enough to follow
VIDEO_SIDE = 112  # pixels at least


def predictions_table(run: Run) -> dict[str, Any]:
    """Makes a table of every test clip with its label, prediction and probabilities.

    Args:
        run: A run with its predictions.csv.

    Raises:
        UserError: If `read_predictions` raises it.
    """
    predictions = read_predictions(run)
    rows = [
        [clip, run.class_names[label], run.class_names[prediction], *probability]
        for clip, label, prediction, probability in zip(
            predictions.clip,
            predictions.label.tolist(),
            predictions.prediction.tolist(),
            predictions.probability.tolist(),
            strict=True,
        )
    ]
    return {"clips/predictions": wandb.Table(["clip", "label", "prediction", *_probability_columns(run)], rows)}


def tsne_table(run: Run) -> dict[str, Any]:
    """Makes a table of every test clip with its place in the t-SNE and its middle frame.

    Args:
        run: A run with its features.npz; without thumbnails.npz there are no frames.

    Returns:
        The table by its name in W&B; nothing where there is nothing to embed.

    Raises:
        UserError: If the features or the frames are damaged.
    """
    embedded = embed_run(run)
    if embedded.points is None:
        return {}
    data = embedded.data
    frames = read_images(run, THUMBNAILS_FILE)
    rows = []
    for n, (x, y) in enumerate(embedded.points.tolist()):
        clip = data.clip[n] if data.clip else ""
        middle = frames.get(clip)
        picture = wandb.Image(open_image(middle[0], run.folder / THUMBNAILS_FILE), file_type="jpg") if middle else None
        rows.append([x, y, run.class_names[data.label[n]], run.class_names[data.prediction[n]], clip, picture])
    return {"tsne/table": wandb.Table(["x", "y", "label", "prediction", "clip", "frame"], rows)}


def clips_to_show_table(run: Run) -> dict[str, Any]:
    """Makes a table of the most confident mistakes and the worst clips of the tail, as short videos.

    Args:
        run: A run with its predictions.csv; a clip whose frames it has not kept has no video.

    Raises:
        UserError: If the predictions are missing, or they or the frames are damaged.
    """
    predictions = read_predictions(run)
    frames = read_images(run, FRAMES_FILE)
    rows = []
    for chosen in clips_to_show(run):
        n = chosen.index
        clip = predictions.clip[n]
        label, prediction = int(predictions.label[n]), int(predictions.prediction[n])
        probability = predictions.probability[n].tolist()
        video = _video([open_image(frame, run.folder / FRAMES_FILE) for frame in frames.get(clip, [])])
        names = run.class_names[label], run.class_names[prediction]
        rows.append([clip, chosen.reason, video, *names, probability[label], probability[prediction], *probability])
    columns = ["clip", "chosen as", "video", "label", "prediction", "p of label", "p of prediction"]
    return {"clips/chosen": wandb.Table([*columns, *_probability_columns(run)], rows)} if rows else {}


def _video(frames: Sequence[Image.Image]) -> Any | None:
    """Encodes a GIF, which browsers repeat by themselves: a clip of two seconds needs that."""
    if not frames:
        return None
    encoded = io.BytesIO()
    times = -(-VIDEO_SIDE // frames[0].width)  # whole pixels of what the network sees, no new ones in between
    first, *others = [frame.resize((times * frame.width, times * frame.height), Resampling.NEAREST) for frame in frames]
    first.save(encoded, "GIF", save_all=True, append_images=others, duration=1000 // FRAMES_PER_SECOND, loop=0)
    encoded.seek(0)
    return wandb.Video(encoded, format="gif")


def _probability_columns(run: Run) -> list[str]:
    return [f"p_{name}" for name in run.class_names]
