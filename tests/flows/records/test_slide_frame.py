"""The frame of a slide is the same from JSON as from the slide's headers."""

import pytest

from flows.records.slide_frame import frame_of_tiles, frame_to_json
from flows.records.slides import Slide
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.slides.frame import read_frame
from tests.support.study import write_slide

LEVELS = ((1.0, 1.0), (1001 / 250, 4.0))
BOUNDED = SlideFrame("/s/a.mrxs", Extent(1001, 2000), None, LEVELS, (3, 5, 90, 70), (-1.5, 2e6))
PLAIN = SlideFrame("/s/a.tiff", Extent(1001, 2000), None, LEVELS)


def slide(path: str, level0: Extent, mpp: Mpp | None, level: int) -> Slide:
    return Slide("a-0123456789ab", path, level0, Extent(8, 8), Extent(8, 8), mpp, level, 1.0, level0, None)


@pytest.mark.parametrize("mpp", [None, Mpp(2.0, 1.9)])
@pytest.mark.parametrize("frame", [BOUNDED, PLAIN], ids=["bounded", "plain"])
def test_a_frame_is_the_same_after_json(frame, mpp) -> None:
    found = frame_of_tiles(frame_to_json(frame), slide(frame.path, frame.extent, mpp, 1))
    assert found == (frame if mpp is None else frame.with_mpp_of(1, mpp))


def test_without_json_the_headers_are_read(tmp_path) -> None:
    path = str(write_slide(tmp_path / "a.tiff"))
    frame = read_frame(path)
    of = slide(path, frame.extent, Mpp(0.25, 0.3), 0)
    assert frame_of_tiles(None, of) == frame_of_tiles(frame_to_json(frame), of) == frame.with_mpp_of(0, of.mpp)
