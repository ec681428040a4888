"""The frame of a slide as JSON, so that tasks after the first do not open the slide again."""

import json
from dataclasses import replace

from flows.records.slides import Slide
from ratiopath.frame import SlideFrame
from ratiopath.slides.frame import read_frame


def frame_to_json(frame: SlideFrame) -> str:
    """Write the frame of an open slide, without its resolution: that of the tiles decides."""
    downsamples, bounds, centre = frame.downsamples, frame.bounds, frame.centre_offset_nm
    return json.dumps({"downsamples": downsamples, "bounds": bounds, "centre_offset_nm": centre})


def frame_of_tiles(text: str | None, slide: Slide) -> SlideFrame:
    """Return the frame of a slide, with the resolution that its tiles' implies; with none if they have none.

    Args:
        text: JSON of `frame_to_json`; None to read the headers of the slide.
        slide: The slide.

    Raises:
        SlideError: See `open_slide`.
    """
    frame = read_frame(slide.path) if text is None else _from_json(text, slide)
    return replace(frame, mpp=None) if slide.mpp is None else frame.with_mpp_of(slide.level, slide.mpp)


def _from_json(text: str, slide: Slide) -> SlideFrame:
    found = json.loads(text)
    bounds, centre = (None if found[name] is None else tuple(found[name]) for name in ("bounds", "centre_offset_nm"))
    downsamples = tuple((x, y) for x, y in found["downsamples"])
    return SlideFrame(slide.path, slide.level0_extent, None, downsamples, bounds, centre)
