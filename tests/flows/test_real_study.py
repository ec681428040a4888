"""A real Aperio slide with its tissue mask and its three-class OME-TIFF, through the command line."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import shapely
import tifffile

from flows.cli.main import main
from tests.support import oracles

DATA = Path(__file__).parents[3] / "shared" / "data"
STEM = "CMU-1-Small-Region"
ROI = "POLYGON ((10 10, 250 30, 200 240, 20 200, 10 10))"

pytestmark = [
    pytest.mark.usefixtures("local_ray", "server"),
    pytest.mark.skipif(
        not (DATA / f"{STEM}.svs").is_file(),
        reason="the real slide and its masks are not part of the repository: ../shared/data is absent here",
    ),
]


def raster(name: str) -> tuple[list, tuple[float, float]]:
    """The levels of a mask, and its resolution: both masks carry it in square pixels per centimetre."""
    with tifffile.TiffFile(DATA / name) as tiff:
        pages = [deep for page in tiff.pages for deep in (page, *(page.pages or ()))]
        pixels, units = pages[0].tags["XResolution"].value
        return [page.asarray() for page in pages], (10_000 * units / pixels,) * 2


@pytest.mark.parametrize("roi", ["null", ROI], ids=["tile", "polygon"])
def test_the_tables_are_the_oracles(tmp_path, roi: str) -> None:
    (tmp_path / "slides").mkdir()
    for path in DATA.glob(f"{STEM}*"):
        shutil.copy(path, tmp_path / "slides")
    options = {
        "slides": tmp_path / "slides",
        "output": tmp_path / "output",
        "tiling.mpp": 0.5,
        "tiling.tile_extent": 256,
        "tiling.stride": "[256, 200]",
        "overlays.tissue.path": "{dir}/{stem}_tissue_mask.tiff",
        "overlays.tissue.classes": '{"tissue": [255]}',
        "overlays.annotation.path": "{dir}/{stem}_classes.ome.tiff",
        "overlays.annotation.classes": '{"one_or_two": [1, 2], "background": 0}',
        "roi": roi,
        "keep": "tissue >= 0.5",
    }
    assert main([text for name, value in options.items() for text in (f"--{name}", str(value))]) == 0

    [slide] = pq.read_table(tmp_path / "output" / "slides.parquet").to_pylist()
    assert (slide["extent_x"], slide["extent_y"], slide["mpp_x"]) == (2220, 2967, 0.499)
    rows = pq.read_table(tmp_path / "output" / "coverage").to_pylist()
    assert len(rows) == 9 * 15
    region = shapely.box(0, 0, 256, 256) if roi == "null" else shapely.from_wkt(roi)
    masks = {"tissue": raster(f"{STEM}_tissue_mask.tiff"), "annotation": raster(f"{STEM}_classes.ome.tiff")}
    for row in [*rows[::13], *rows[8::27]]:  # some, and the last column
        for name, (levels, mpp) in masks.items():
            expected = oracles.overlap(levels, mpp, row["tile_x"], row["tile_y"], (0.499, 0.499), region)
            assert dict(row[f"{name}_overlap"]) == pytest.approx(expected, abs=1e-12)
            if name == "tissue":
                assert row["tissue"] == pytest.approx(expected.get("255", 0))
            else:
                assert row["one_or_two"] == pytest.approx(expected.get("1", 0) + expected.get("2", 0))
                assert row["background"] == pytest.approx(expected.get("0", 0))
    kept = pq.read_table(tmp_path / "output" / "tiles").to_pylist()
    assert kept == [row for row in rows if row["tissue"] >= 0.5]
    assert 0 < len(kept) < len(rows)
