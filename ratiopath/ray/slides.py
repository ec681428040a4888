"""The metadata of slides as a Ray dataset, the input of tiling."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray.data
from ray.data import Dataset

from ratiopath.slides.metadata import Resolution, Tiling, describe_slide
from ratiopath.slides.paths import Exclusion, find_slides, folder_named_by

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
    tolerance: float | None = None,
    resolution: Resolution = "level",
    exclude: str | Iterable[str] = (),
    **ray_remote_args: Any,
) -> Dataset:
    """Read the metadata of slides.

    Args:
        paths: Files, folders (searched recursively) and globs; URIs of files on a store, such as s3://bucket/a.tiff.
            A `.mrxs` with its data folder is one slide.
        tile_extent: Size of a tile in pixels of the level it is cut from; one number, or (width, height).
        stride: Distance of neighbouring tile origins in pixels; one number, or (x, y).
        mpp: Resolution in µm/px: the closest level of each slide is tiled. Exclusive with `level`.
        level: Index of the level to tile, 0 is the finest. Exclusive with `mpp`.
        slide_mpp: Resolution of level 0 of every slide in µm/px, replacing that of the files.
        tolerance: Largest difference of a level's mpp from `mpp` on either axis, as a share of `mpp`, such as 0.1. None
            takes the closest level whatever its mpp, with a warning if that is more than 10 % off.
        resolution: `level` takes the closest level as it is. `exact` takes the closest finer level and converts
            `tile_extent` and `stride` from pixels of `mpp` to pixels of that level, rounded to the nearest: all tiles
            have one size in µm, to within half a pixel. Read them in one size with `read_slide_tiles(..., size=)`.
        exclude: Gitignore patterns of files that are not slides, such as `*_mask.tiff`, relative to the folders.
        **ray_remote_args: Resources for each Ray task, such as `num_cpus=0.5`.

    Returns:
        A dataset with a row per slide, sorted by path: path (absolute, or the URI); extent_x, extent_y, tile_extent_x,
        tile_extent_y, stride_x, stride_y (int64, pixels of the level); mpp_x, mpp_y (float64, of the level, null
        if unknown); level (int64); downsample (float64).

    Raises:
        ParameterError: At the call, if a parameter is invalid.
        SlideNotFoundError: At the call, if a path does not exist or a glob matches nothing.
        SlideError: When the dataset runs, if a slide cannot be read, has no resolution and `mpp` is set, or has no
            level within the tolerance.
    """
    tiling = Tiling.of(
        tile_extent=tile_extent, stride=stride, mpp=mpp, level=level, slide_mpp=slide_mpp, tolerance=tolerance,
        resolution=resolution,
    )  # fmt: skip
    entries = [paths] if isinstance(paths, str | Path) else list(paths)
    patterns = [exclude] if isinstance(exclude, str) else exclude
    exclusion = Exclusion.of(patterns, {folder_named_by(str(entry)) for entry in entries})
    slides = [path for path in find_slides(entries) if path not in exclusion]
    found = pa.table({"path": pa.array(slides, pa.string())})

    def describe(slides: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([describe_slide(path, tiling) for path in slides["path"].to_pylist()], _SCHEMA)

    return ray.data.from_arrow(found).map_batches(describe, batch_format="pyarrow", batch_size=64, **ray_remote_args)
