"""A real Aperio slide with its tissue mask and its three-class OME-TIFF, through the command line."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """Read the levels and the mpp of a mask; both masks have square pixels, in pixels per centimetre."""
    with tifffile.TiffFile(DATA / name) as tiff:
        pages = [deep for page in tiff.pages for deep in (page, *(page.pages or ()))]
        pixels, units = pages[0].tags["XResolution"].value
        return [page.asarray() for page in pages], (10_000 * units / pixels,) * 2


@dataclass(frozen=True, slots=True)
class Study:
    """Output of a run over the slide with one ROI."""

    output: Path
    """Folder of the tables."""
    roi: shapely.Geometry
    """The ROI, in pixels of the tile."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Read a table as rows."""
        return pq.read_table(self.output / table).to_pylist()

    def sampled(self) -> list[dict[str, Any]]:
        """Read some tiles of coverage, those of the last column among them."""
        rows = self.rows("coverage")
        return [*rows[::13], *rows[8::27]]


@pytest.fixture(scope="module", params=["null", ROI], ids=["tile", "polygon"])
def study(request, tmp_path_factory, local_ray, server) -> Study:
    folder = tmp_path_factory.mktemp("real")
    (folder / "slides").mkdir()
    for path in DATA.glob(f"{STEM}*"):
        shutil.copy(path, folder / "slides")
    options = {
        "slides": folder / "slides",
        "output": folder / "output",
        "tiling.mpp": 0.5,
        "tiling.tile_extent": 256,
        "tiling.stride": "[256, 200]",
        "overlays.tissue.path": "{dir}/{stem}_tissue_mask.tiff",
        "overlays.tissue.classes": '{"tissue": [255]}',
        "overlays.annotation.path": "{dir}/{stem}_classes.ome.tiff",
        "overlays.annotation.classes": '{"one_or_two": [1, 2], "background": 0}',
        "roi": request.param,
        "keep": "tissue >= 0.5",
    }
    assert main([text for name, value in options.items() for text in (f"--{name}", str(value))]) == 0
    roi = shapely.box(0, 0, 256, 256) if request.param == "null" else shapely.from_wkt(ROI)
    return Study(folder / "output", roi)


@pytest.fixture(scope="module")
def masks() -> dict[str, tuple[list, tuple[float, float]]]:
    """Levels and mpp of each mask, by overlay."""
    return {"tissue": raster(f"{STEM}_tissue_mask.tiff"), "annotation": raster(f"{STEM}_classes.ome.tiff")}


def expected(row: dict[str, Any], mask: tuple[list, tuple[float, float]], roi: shapely.Geometry) -> dict[str, float]:
    """Compute the overlap of a tile with the oracle."""
    levels, mpp = mask
    return oracles.overlap(levels, mpp, row["tile_x"], row["tile_y"], (0.499, 0.499), roi)


def test_the_slide_has_the_geometry_of_its_file(study) -> None:
    [slide] = study.rows("slides.parquet")
    assert (slide["extent_x"], slide["extent_y"], slide["mpp_x"]) == (2220, 2967, 0.499)


def test_the_grid_covers_the_slide(study) -> None:
    assert len(study.rows("coverage")) == 9 * 15


@pytest.mark.parametrize("overlay", ["tissue", "annotation"])
def test_overlaps_equal_the_oracle(study, masks, overlay) -> None:
    for row in study.sampled():
        overlap = expected(row, masks[overlay], study.roi)
        assert dict(row[f"{overlay}_overlap"]) == pytest.approx(overlap, abs=1e-12)


@pytest.mark.parametrize(
    ("overlay", "column", "values"),
    [("tissue", "tissue", ["255"]), ("annotation", "one_or_two", ["1", "2"]), ("annotation", "background", ["0"])],
)
def test_a_class_is_the_sum_of_its_values(study, masks, overlay, column, values) -> None:
    for row in study.sampled():
        overlap = expected(row, masks[overlay], study.roi)
        assert row[column] == pytest.approx(sum(overlap.get(value, 0) for value in values))


def test_the_kept_tiles_are_those_that_keep_selects(study) -> None:
    kept = [row for row in study.rows("coverage") if row["tissue"] >= 0.5]
    maps = {"tissue_overlap", "annotation_overlap"}
    wanted = [{name: value for name, value in row.items() if name not in maps} for row in kept]
    assert [{name: row[name] for name in wanted[0]} for row in study.rows("tiles")] == wanted


def test_some_tiles_are_kept_and_some_are_not(study) -> None:
    assert 0 < len(study.rows("tiles")) < len(study.rows("coverage"))
