"""Shows the drawn faces: `python -m micacl.data.synthetic.contact_sheet OUT.png [--action-units]`."""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.action_units import ACTION_UNITS, EXPRESSION_ACTION_UNITS
from micacl.data.synthetic.canvas import SUPERSAMPLING, ByteArray, Canvas
from micacl.data.synthetic.face import draw_face
from micacl.data.synthetic.plan import PlannedClip, plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import HALF_FRAME, render_clip, subject_of

# The moments of a clip that are shown, as shares of its length.
MOMENTS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
CLIPS_PER_CLASS = 2
# A subject whose brows, lids and mouth are easy to see: no glasses, no fringe, no beard.
STILL_SUBJECT = 18
# Inches of paper for one frame; with the resolution below, a frame of 96 pixels is shown pixel by pixel.
FRAME_INCHES = 0.8
LABEL_INCHES = 1.5
DOTS_PER_INCH = 120


def expression_sheet(recipe: Recipe) -> Figure:
    """Draws one row for each class: two clips of different subjects, each from its beginning to its end.

    Args:
        recipe: The recipe of the data set; its first clips of each class are shown, even if they are disturbed.
    """
    num_columns = CLIPS_PER_CLASS * len(MOMENTS)
    width = FRAME_INCHES * num_columns + LABEL_INCHES
    figure = Figure(figsize=(width, FRAME_INCHES * len(CLASS_NAMES) + 0.4))
    # A narrow empty column separates the clips.
    widths = [1.0 if column != len(MOMENTS) else 0.12 for column in range(num_columns + 1)]
    grid = figure.add_gridspec(
        len(CLASS_NAMES),
        len(widths),
        width_ratios=widths,
        left=LABEL_INCHES / width,
        right=0.998,
        top=0.94,
        bottom=0.005,
        wspace=0,
        hspace=0,
    )
    for row, name in enumerate(CLASS_NAMES):
        for place, clip in enumerate(_first_clips(recipe, row)):
            frames = render_clip(recipe, clip)
            for step, moment in enumerate(MOMENTS):
                axes = figure.add_subplot(grid[row, place * (len(MOMENTS) + 1) + step])
                axes.imshow(frames[round(moment * (len(frames) - 1))], interpolation="bilinear", aspect="auto")
                axes.set_axis_off()
                if row == 0:
                    axes.set_title(f"{moment:.0%}", fontsize=8, pad=3)
        units = "+".join(map(str, EXPRESSION_ACTION_UNITS[name])) or "talks, blinks"
        height = 0.94 - (0.94 - 0.005) * (row + 0.5) / len(CLASS_NAMES)
        figure.text((LABEL_INCHES - 0.08) / width, height, f"{name}\n{units}", ha="right", va="center", fontsize=9)
    return figure


def _first_clips(recipe: Recipe, label: int) -> list[PlannedClip]:
    """Returns the first clips of a class that show different subjects."""
    by_subject: dict[int, PlannedClip] = {}
    for clip in plan_clips(recipe):
        if clip.label == label:
            by_subject.setdefault(clip.subject, clip)
    return list(by_subject.values())[:CLIPS_PER_CLASS]


def action_unit_sheet(recipe: Recipe, num_columns: int = 8) -> Figure:
    """Draws the same face at rest and with each action unit alone at full strength.

    Args:
        recipe: The recipe of the data set; its subject number `STILL_SUBJECT` is shown.
        num_columns: The number of faces in a row.
    """
    stills = [("at rest", _still(recipe, {}))]
    stills += [(f"{unit}: {name}", _still(recipe, {unit: 1.0})) for unit, name in ACTION_UNITS.items()]
    num_rows = -(-len(stills) // num_columns)
    figure = Figure(figsize=(1.5 * num_columns, 1.72 * num_rows))
    grid = figure.add_gridspec(
        num_rows, num_columns, left=0.003, right=0.997, top=0.94, bottom=0.005, wspace=0.03, hspace=0.16
    )
    for place, (title, still) in enumerate(stills):
        axes = figure.add_subplot(grid[place // num_columns, place % num_columns])
        axes.imshow(still)
        axes.set_axis_off()
        axes.set_title(title, fontsize=8, pad=3)
    return figure


def _still(recipe: Recipe, units: dict[int, float], size: int = 192) -> ByteArray:
    """Draws one subject's face in front of a plain wall, RGB of shape (size, size, 3)."""
    wall = np.full((SUPERSAMPLING * size, SUPERSAMPLING * size, 3), (176, 186, 192), dtype=np.uint8)
    canvas = Canvas(wall, size / (2 * HALF_FRAME))
    draw_face(
        canvas, subject_of(recipe, STILL_SUBJECT), dict.fromkeys(ACTION_UNITS, 0.0) | units, (0.0, 0.0), (0.0, -0.04)
    )
    return canvas.develop()


def main() -> None:
    """Reads the command line and writes the picture."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of the built-in data set.")
    parser.add_argument("out", type=Path, help="PNG file to write")
    parser.add_argument("--action-units", action="store_true", help="show each action unit alone instead")
    arguments = parser.parse_args()
    figure = action_unit_sheet(Recipe()) if arguments.action_units else expression_sheet(Recipe())
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=DOTS_PER_INCH)


if __name__ == "__main__":
    main()
