"""The tiles of one slide as its overlays measure them: the frame of level 0, and a region of interest per overlay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import TileWindows


@dataclass(frozen=True, slots=True)
class SlideTiles:
    """Tiles of one slide."""

    frame: SlideFrame
    """Frame of the slide, with the resolution that the tiles' implies; with none if the tiles have none."""
    windows: Mapping[str, TileWindows]
    """Tiles with the region of interest of each overlay. Their resolution is in the unit of the frame's: µm/px, or px
    of level 0 per px if it has none."""

    @classmethod
    def of(cls, tiles: pa.Table, frame: SlideFrame, config: CoverageConfig) -> Self:
        """Convert the rows of the grid of one slide.

        Args:
            tiles: Rows of a grid of one slide, at least one.
            frame: Frame of the slide, see the field.
            config: Configuration with the ROI of each overlay.
        """
        columns = ("level", "tile_extent_x", "tile_extent_y", "mpp_x", "mpp_y")
        level, width, height, mpp_x, mpp_y = (tiles[name][0].as_py() for name in columns)
        given = None if mpp_x is None or mpp_y is None else Mpp(mpp_x, mpp_y)
        mpp = given or Mpp(*frame.downsamples[level])
        x, y = (tiles[name].to_numpy().astype(np.float64) for name in ("tile_x", "tile_y"))
        rois = {name: config.region_of(Extent(width, height), name) for name in config.overlays}
        return cls(frame, {name: TileWindows(x, y, mpp, roi) for name, roi in rois.items()})
