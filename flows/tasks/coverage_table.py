"""The coverage of some tiles by a slide's overlays, as a table."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.overlay import Overlay
from ratiopath.arrow.overlap import overlap_map
from ratiopath.counting.shares import Shares
from ratiopath.errors import MissingMppError
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import OverlaySettings, TileWindows, open_overlay
from schemas.columns import OverlayColumns
from schemas.coverage import coverage
from schemas.fields import OVERLAP


def coverage_table(
    tiles: pa.Table, paths: Mapping[str, str | None], config: CoverageConfig
) -> tuple[pa.Table, list[str]]:
    """Append the coverage by each overlay to the tiles of one slide.

    Args:
        tiles: Rows of a grid, in any order.
        paths: File of each overlay; None where the slide has none.
        config: Configuration with the ROI and the classes of each overlay.

    Returns:
        Table of `schemas.coverage`, a row per tile in the same order; and remarks on the overlays.

    Raises:
        SlideError: An overlay cannot be read in full or has no resolution, or the slide has none.
    """
    columns, notes = list(tiles.columns), list[str]()
    for overlay in config.overlay_columns:
        path, settings = paths[overlay.name], config.overlays[overlay.name]
        if path is None:
            columns += _absent(overlay, tiles.num_rows)
        else:
            columns += _present(overlay, path, _count(tiles, path, settings, config), settings)
    return pa.Table.from_arrays(columns, schema=coverage(config.overlay_columns).arrow), notes


def _count(tiles: pa.Table, path: str, settings: Overlay, config: CoverageConfig) -> Shares:
    slide, mpp_x, mpp_y = (tiles[name][0].as_py() for name in ("path", "mpp_x", "mpp_y"))
    if mpp_x is None or mpp_y is None:
        raise MissingMppError(
            f"slide {slide!r} has no resolution (no resolution tags, no OME PhysicalSize): no overlay can be aligned",
            path=slide,
            hint="set slide_mpp, or a column mpp in the manifest",
        )
    tile = Extent(*(tiles[name][0].as_py() for name in ("tile_extent_x", "tile_extent_y")))
    x, y = (tiles[name].to_numpy().astype(np.float64) for name in ("tile_x", "tile_y"))
    with open_overlay(path, OverlaySettings.of(mpp=settings.mpp)) as overlay:
        return overlay.shares(TileWindows(x, y, Mpp(mpp_x, mpp_y), config.region_of(tile)))


def _present(overlay: OverlayColumns, path: str, counts: Shares, settings: Overlay) -> list[pa.Array]:
    inside = np.divide(counts.existing, counts.inside, out=np.zeros(len(counts)), where=counts.inside > 0)
    classes = [
        pa.array(counts.share_of([str(value) for value in settings.classes[name]]), from_pandas=True)
        for name in overlay.classes
    ]  # NaN, where nothing is known, becomes null
    return [pa.repeat(path, len(counts)), overlap_map(counts), pa.array(inside), *classes]


def _absent(overlay: OverlayColumns, tiles: int) -> list[pa.Array]:
    nothing = pa.MapArray.from_arrays(
        pa.array(np.zeros(tiles + 1), pa.int32()), pa.array([], pa.string()), pa.array([], pa.float64())
    )
    share = pa.scalar(0.0 if overlay.missing == "zero" else None, pa.float64())
    classes = [pa.repeat(share, tiles) for _ in overlay.classes]
    return [pa.nulls(tiles, pa.string()), nothing.cast(OVERLAP), pa.repeat(0.0, tiles), *classes]
