"""Plan, read, compute for the rows of one image: every chunk that a window touches is decoded once."""

import numpy as np
import numpy.typing as npt

from ratiopath.counting.counter import Counter
from ratiopath.counting.labels import Labelling
from ratiopath.counting.value_counts import MAX_VALUES, ValueAccumulator, ValueCounts
from ratiopath.errors import InvalidMppError, MissingMppError, TooManyValuesError
from ratiopath.geometry import Extent, Float64s, Mpp
from ratiopath.plan import OverlayTransform, Windows, reaching_beyond
from ratiopath.roi import Roi
from ratiopath.slides import SlideReader
from ratiopath.slides.windows import chunk_windows, read_chunks

MAX_PATCH = 1 << 28
"""Overlay pixels under one ROI: a unit forgotten in an overlay's metadata would ask for a million times more."""


def count_values(reader: SlideReader, tile_x: Float64s, tile_y: Float64s, mpp: Mpp, roi: Roi) -> ValueCounts:
    """Count the overlay's values inside the ROI of every tile.

    Args:
        reader: The overlay.
        tile_x: Left edge of each tile in tile space.
        tile_y: Top edge of each tile.
        mpp: Resolution of tile space, µm/px.
        roi: The region of interest, relative to a tile.

    Returns:
        A row per tile, in order.

    Raises:
        MissingMppError: The overlay has no resolution.
        TooManyValuesError: More than 65,536 distinct values lie inside the ROIs.
        TruncatedError: A chunk does not decode.
    """
    windows = _windows(reader, tile_x, tile_y, mpp, roi)
    level, extent = reader.pyramid.levels[windows.level], reader.chunk_extent(windows.level)
    tally = ValueAccumulator(Labelling(reader.dtype, reader.channels))
    counter = Counter(windows, level.extent, extent, roi.mask(windows.extent), tally)
    for visit, chunk in read_chunks(reader, windows):
        if chunk.is_uniform:
            counter.add_uniform(visit, tally.labelling.labels(chunk.pixels[:1, :1]), chunk.pixels.shape[:2])
        else:
            counter.add(visit, tally.labelling.labels(chunk.pixels), chunk.exists)
        if tally.overflows():
            raise _continuous(reader)
    overlaps = counter.overlaps()
    if len(overlaps.keys) > MAX_VALUES:
        raise _continuous(reader)
    return overlaps


def read_patches(
    reader: SlideReader, tile_x: Float64s, tile_y: Float64s, mpp: Mpp, roi: Roi
) -> npt.NDArray[np.generic]:
    """Cut the overlay's pixels under the ROI of every tile.

    Args:
        reader: The overlay.
        tile_x: Left edge of each tile in tile space.
        tile_y: Top edge of each tile.
        mpp: Resolution of tile space, µm/px.
        roi: The region of interest, relative to a tile.

    Returns:
        Shape (tiles, 2, height, width) for one channel and (tiles, 2, height, width, channels) otherwise, in the
        overlay's dtype: [:, 0] the pixels, 0 where the overlay has none; [:, 1] the mask, true (1) outside the ROI or
        the overlay.

    Raises:
        MissingMppError: The overlay has no resolution.
        TruncatedError: A chunk does not decode.
    """
    windows = _windows(reader, tile_x, tile_y, mpp, roi)
    channels = (reader.channels,) if reader.channels > 1 else ()
    patches = np.zeros((len(windows), 2, windows.extent.height, windows.extent.width, *channels), dtype=reader.dtype)
    inside = roi.mask(windows.extent)
    _mask_outside(patches[:, 1], windows, reader.pyramid.levels[windows.level].extent, inside)
    for visit, chunk in read_chunks(reader, windows):
        if chunk.is_uniform and not chunk.pixels[0, 0].any():
            continue  # it is there already
        for window, part in chunk_windows(reader, windows, visit, chunk):
            patches[window, 0][part.in_window] = chunk.pixels[part.in_chunk]
            if chunk.exists is not None:
                absent = ~chunk.exists[part.in_chunk]
                patches[window, 0][part.in_window][absent] = 0
                patches[window, 1][part.in_window][absent] = 1
    return patches


def _mask_outside(
    masks: npt.NDArray[np.generic], windows: Windows, level: Extent, inside: npt.NDArray[np.bool_] | None
) -> None:
    """Set 1 outside the ROI, which is the same in all windows, and where a window reaches beyond the level."""
    if inside is not None:
        masks[:] = ~inside if masks.ndim == inside.ndim + 1 else ~inside[..., None]
    height, width = masks.shape[1:3]
    for window in reaching_beyond(windows, level).tolist():
        x = windows.x[window] + np.arange(width)
        y = windows.y[window] + np.arange(height)
        beyond = ((y < 0) | (y >= level.height))[:, None] | ((x < 0) | (x >= level.width))
        masks[window][beyond] = 1


def _windows(reader: SlideReader, tile_x: Float64s, tile_y: Float64s, mpp: Mpp, roi: Roi) -> Windows:
    """Where the ROIs lie in the overlay, if both resolutions can be true."""
    mapping = OverlayTransform.of(require_mpp(reader).pyramid, mpp, roi)
    width, height = mapping.patch
    if not width * height <= MAX_PATCH:
        level = f"level {mapping.level.index} at {mpp.x / mapping.x} x {mpp.y / mapping.y} µm/px"
        found = f"{width:.3g} x {height:.3g} px of {level} under a tile at {mpp.x} x {mpp.y} µm/px"
        remedy = "give a smaller ROI; or one of the two resolutions is wrong: correct the file or give its resolution"
        rule = f"a tile's ROI spans at most {MAX_PATCH:,} px of its overlay"
        raise InvalidMppError(rule, path=reader.path, found=found, remedy=remedy)
    return mapping.windows(tile_x, tile_y)


def require_mpp(reader: SlideReader) -> SlideReader:
    """The same reader, if its image has a resolution.

    Raises:
        MissingMppError: It has none.
    """
    if reader.pyramid.mpp is None:
        found, remedy = "neither resolution tags nor metadata with a known unit", "give its mpp or write it to the file"
        raise MissingMppError("an image has a resolution", path=reader.path, found=found, remedy=remedy)
    return reader


def _continuous(reader: SlideReader) -> TooManyValuesError:
    return TooManyValuesError(
        f"an overlay has at most {MAX_VALUES:,} distinct values",
        path=reader.path,
        found=f"more, of type {reader.dtype} with {reader.channels} channel(s): a continuous image",
        remedy="use tile_overlay and reduce its patches, or write the overlay with its values binned to classes",
    )
