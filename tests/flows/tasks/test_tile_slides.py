"""The largest grid of a slide."""

from importlib import import_module

import pytest

from flows.storage.workspace import Workspace
from ratiopath.errors import UnsupportedImageError

tile_slides = import_module("flows.tasks.tile_slides")  # the package has a function of this name


def test_a_slide_with_too_many_tiles_is_refused_before_any_is_written(tmp_path):
    lengths = {"extent_x": 10**6, "extent_y": 10**6, "tile_extent_x": 64, "tile_extent_y": 64}
    level = {"mpp_x": 0.5, "mpp_y": 0.5, "level": 0, "downsample": 1.0}
    slide = {"slide_id": "a", "path": "a.tiff", "grid": None, **lengths, "stride_x": 1, "stride_y": 64, **level}
    workspace = Workspace.at(str(tmp_path))

    with pytest.raises(
        UnsupportedImageError,
        match=r"'a.tiff' would have 15,625,000,000 tiles on 1000000 x 1000000 px, more than 67,108,864",
    ):
        tile_slides._tile(slide, "keep", workspace)
    assert list(tmp_path.iterdir()) == []
