"""A header that lies costs its slide, not the memory of the machine."""

import struct
from pathlib import Path

import pyarrow as pa
import pytest

from flows.records.slides import Slide
from flows.records.stored_files import MAX_AXIS_TILES, grid_axes
from flows.tasks.slide_grid import MAX_ROWS_PER_GROUP, SlideGrid
from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from tests.support.study import failures, names, run, write_study

WIDE = 4_000_000_000


def lying(path: Path, width: int, height: int) -> Path:
    """A TIFF of 150 bytes that claims a size: one strip that was never written."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, 0)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + entries + bytes(4))
    return path


def slide(width: int, height: int, stride: int) -> Slide:
    tile = Extent(stride, stride)
    extent, mpp = Extent(width, height), Mpp(0.5, 0.5)
    return Slide("a-0123456789ab", "/s/a.tiff", extent, tile, tile, mpp, 0, 1.0, extent, mpp)


def groups(grid: SlideGrid) -> list[pa.Table]:
    return [grid.group(number) for number in range(len(grid.group_sizes))]


@pytest.mark.parametrize(("width", "height"), [(WIDE, 1), (1, WIDE)])
def test_too_many_tiles_along_an_axis_are_refused(width, height) -> None:
    with pytest.raises(
        UnsupportedImageError, match=r"7,812,500 tiles along one axis .* more than 1,048,576; hint: set"
    ):
        grid_axes(slide(width, height, 512), "keep")


def test_too_many_tiles_are_refused() -> None:
    with pytest.raises(UnsupportedImageError, match=r"would have 1,000,000,000,000 tiles on"):
        grid_axes(slide(10**6, 10**6, 1), "keep")


def test_row_groups_of_a_wide_grid_are_bounded() -> None:
    grid = SlideGrid.of(slide(MAX_AXIS_TILES * 64, 64, 64), "keep")
    sizes = [group.num_rows for group in groups(grid)]
    assert sizes == grid.group_sizes
    assert sum(sizes) == grid.tiles == MAX_AXIS_TILES
    assert max(sizes) == MAX_ROWS_PER_GROUP


def test_row_groups_of_a_wide_grid_are_row_major() -> None:
    grid = SlideGrid.of(slide(MAX_ROWS_PER_GROUP + 5, 3, 1), "keep")
    tiles = [
        tile
        for group in groups(grid)
        for tile in zip(group["tile_y"].to_pylist(), group["tile_x"].to_pylist(), strict=True)
    ]
    assert tiles == sorted(tiles)
    assert len(set(tiles)) == 3 * (MAX_ROWS_PER_GROUP + 5)


@pytest.mark.usefixtures("local_ray", "server")
def test_a_slide_with_a_lying_header_is_put_aside_and_the_others_go_on(folder, output) -> None:
    write_study(folder, "a")
    lying(folder / "x.tiff", WIDE, 1)
    (folder / "x_tissue.tiff").write_bytes((folder / "a_tissue.tiff").read_bytes())
    (folder / "x_classes.ome.tiff").write_bytes((folder / "a_classes.ome.tiff").read_bytes())
    run(folder, slide_mpp=0.5)
    assert failures(output)["x.tiff"][:2] == ("tile slides", "UnsupportedImageError")
    assert names(output, "tiles") == {"a.tiff"}
