"""The size of each slide's grid, and the largest."""

import pyarrow as pa

from flows.records.failures import read_failures
from flows.records.slides import Slide
from flows.storage.parquet import TableReference, read_table, write_table
from flows.storage.workspace import Workspace
from flows.tasks import tile_slides
from ratiopath.geometry import Extent, Mpp
from tests.support.study import configured


def test_tiles_are_counted_and_a_slide_that_would_have_too_many_fails(tmp_path) -> None:
    workspace, tile, stride, mpp = Workspace.at(str(tmp_path)), Extent(64, 64), Extent(1, 64), Mpp(0.5, 0.5)
    extents = [Extent(side, side) for side in (640, 6400, 10**6)]
    slides = [
        Slide(f"{one.width}-0123456789ab", f"/s/{one.width}.tiff", one, tile, stride, mpp, 0, 1.0, one, mpp)
        for one in extents
    ]
    table = pa.Table.from_pylist([slide.to_row() for slide in slides])
    write_table(table, workspace.between("slides.parquet"), workspace)

    found = tile_slides(TableReference(workspace.between("slides.parquet"), ""), configured(tmp_path), workspace)

    rows = read_table(found.path, workspace.files).select(["path", "tiles", "groups"]).to_pylist()
    assert rows == [
        {"path": "/s/640.tiff", "tiles": 577 * 10, "groups": 1},
        {"path": "/s/6400.tiff", "tiles": 6_337 * 100, "groups": 10},
    ]
    [failure] = read_failures(workspace)
    assert failure["error"] == "UnsupportedImageError"
    assert "'/s/1000000.tiff' would have 15,625,000,000 tiles on" in failure["message"]
