from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from micacl.data.synthetic.encode import write_mp4
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import FRAMES_PER_SECOND, Recipe
from micacl.data.synthetic.render import render_clip


def test_clip_is_h264_with_b_frames_and_decord_reads_what_pyav_reads(tmp_path: Path) -> None:
    recipe = Recipe()
    drawn = render_clip(recipe, plan_clips(recipe)[0])
    path = tmp_path / "clip.mp4"
    write_mp4(path, drawn)

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == FRAMES_PER_SECOND
        decoded = list(container.decode(stream))
    assert {frame.pict_type for frame in decoded} == {PictureType.I, PictureType.P, PictureType.B}
    by_pyav = np.stack([frame.to_ndarray(format="rgb24") for frame in decoded])

    import decord

    reader = decord.VideoReader(str(path))
    assert len(reader) == len(drawn)
    by_decord = reader.get_batch(range(len(reader))).asnumpy()
    # Both convert YUV to RGB with FFmpeg, of different versions: a grey level of rounding is all they may differ by.
    assert np.abs(by_decord.astype(int) - by_pyav).max() <= 2
    # In order and recognisable: each frame is nearest to its own drawing, up to compression.
    assert np.abs(by_decord.astype(int) - drawn).mean() < 6
