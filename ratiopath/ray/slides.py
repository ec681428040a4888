"""The metadata of slides as a Ray dataset, the input of tiling."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray.data
from ray.data import Dataset

from ratiopath.slides.metadata import Tiling, describe_slide
from ratiopath.slides.paths import find_slides

_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        *(pa.field(f"{name}_{axis}", pa.int64()) for name in ("extent", "tile_extent", "stride") for axis in "xy"),
        pa.field("mpp_x", pa.float64()),
        pa.field("mpp_y", pa.float64()),
        pa.field("level", pa.int64()),
        pa.field("downsample", pa.float64()),
    ]
)


def read_slides(
    paths: str | Path | Iterable[str | Path],
    *,
    tile_extent: int | tuple[int, int],
    stride: int | tuple[int, int],
    mpp: float | tuple[float, float] | None = None,
    level: int | None = None,
    slide_mpp: float | tuple[float, float] | None = None,
    **ray_remote_args: Any,
) -> Dataset:
    """Read the metadata of slides.

    Args:
        paths: Files, folders (searched recursively) and globs. A `.mrxs` with its data folder is one slide.
        tile_extent: Size of a tile in pixels of the level it is cut from; one number, or (width, height).
        stride: Distance of neighbouring tile origins in pixels; one number, or (x, y).
        mpp: Resolution in µm/px: the closest level of each slide is tiled. Exclusive with `level`.
        level: Index of the level to tile, 0 is the finest. Exclusive with `mpp`.
        slide_mpp: Resolution of level 0 of every slide in µm/px, replacing that of the files.
        **ray_remote_args: Resources for each Ray task, such as `num_cpus=0.5`.

    Returns:
        A dataset with a row per slide, sorted by path: path (absolute); extent_x, extent_y, tile_extent_x,
        tile_extent_y, stride_x, stride_y (int64, pixels of the level); mpp_x, mpp_y (float64, of the level, null
        if unknown); level (int64); downsample (float64).

    Raises:
        ParameterError: At the call, if a parameter is invalid.
        SlideNotFoundError: At the call, if a path does not exist or a glob matches nothing.
        SlideError: When the dataset runs, if a slide cannot be read, or has no resolution and `mpp` is set.
    """
    tiling = Tiling.of(tile_extent=tile_extent, stride=stride, mpp=mpp, level=level, slide_mpp=slide_mpp)
    found = pa.table({"path": pa.array(find_slides(paths), pa.string())})

    def describe(slides: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([describe_slide(path, tiling) for path in slides["path"].to_pylist()], _SCHEMA)

    return ray.data.from_arrow(found).map_batches(describe, batch_format="pyarrow", batch_size=64, **ray_remote_args)
