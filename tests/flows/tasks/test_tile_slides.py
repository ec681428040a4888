"""The largest grid of a slide."""

from importlib import import_module

import pytest

from flows.records.slides import Slide
from flows.storage.workspace import Workspace
from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from tests.support.study import configured

tile_slides = import_module("flows.tasks.tile_slides")  # the package has a function of this name


def test_a_slide_with_too_many_tiles_is_refused_before_any_is_written(tmp_path) -> None:
    extent, mpp = Extent(10**6, 10**6), Mpp(0.5, 0.5)
    slide = Slide("a", "a.tiff", extent, Extent(64, 64), Extent(1, 64), mpp, 0, 1.0, extent, mpp)
    with pytest.raises(
        UnsupportedImageError, match=r"'a\.tiff' would have 15,625,000,000 tiles on .* px, more than 67,108,864"
    ):
        tile_slides._tile({**slide.to_row(), "grid": None}, configured(tmp_path), Workspace.at(str(tmp_path)))
    assert list(tmp_path.iterdir()) == []
