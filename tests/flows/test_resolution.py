"""`tiling.tolerance` and `tiling.resolution` in runs over slides of two scanners, and their absence from slide ids."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.config.model import CoverageConfig
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import configured, failures, names, random_labels, run, settings, write_mask, write_slide

EXACT = {"mpp": 0.5, "tile_extent": 16, "resolution": "exact"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same tissue at 0.5 and at 0.25 µm/px, neither with a second level."""
    folder = tmp_path / "slides"
    for name, mpp, size in (("coarse", 0.5, (48, 64)), ("fine", 0.25, (96, 128))):
        write_slide(folder / f"{name}.tiff", mpp=(mpp, mpp), size=size)
        write_mask(folder / f"{name}_tissue.tiff", random_labels(0, (0, 255)))
        labels = Raster((random_labels(1, (0, 1, 2, 3)),), (1.0, 1.0))
        replace(LAYOUTS["ome"], tile=(16, 16)).write(folder / f"{name}_classes.ome.tiff", labels)
    return folder


@pytest.mark.usefixtures("local_ray", "server")
def test_a_slide_without_the_level_is_put_aside_by_name(folder: Path) -> None:
    run(folder)
    [(name, (stage, error, message))] = failures(folder.parent / "output").items()
    assert (name, stage, error) == ("fine.tiff", "discover slides", "LevelNotFoundError")
    assert "its levels have 0.25; hint: set tiling.mpp" in message


@pytest.mark.usefixtures("local_ray", "server")
@pytest.mark.parametrize("roi", [None, [4, 4, 12, 16]])
def test_exact_tiles_of_both_scanners_have_the_same_coverage(folder: Path, roi: list[float] | None) -> None:
    run(folder, tiling=EXACT, roi=roi, previews=True)
    output = folder.parent / "output"
    assert names(output, "slides.parquet") == {"coarse.tiff", "fine.tiff"}
    table = pq.read_table(output / "coverage").to_pylist()
    coarse, fine = ([row for row in table if name in row["path"]] for name in ("coarse", "fine"))
    assert {row["tile_extent_x"] for row in fine} == {32}
    columns = ("tissue", "tumor", "stroma", "tissue_inside")
    assert [[row[name] for name in columns] for row in fine] == [[row[name] for name in columns] for row in coarse]


@pytest.mark.usefixtures("local_ray", "server")
def test_a_wider_tolerance_takes_the_slide(folder: Path) -> None:
    run(folder, tiling={"mpp": 0.5, "tile_extent": 16, "tolerance": 0.5})
    assert failures(folder.parent / "output") == {}


def tiling(**changes: object) -> dict[str, object]:
    return CoverageConfig.model_validate(settings(Path("/s"), tiling={"tile_extent": 16, **changes})).tiling.in_full


BEFORE = {"mpp": 0.5, "level": None, "tile_extent": [16, 16], "stride": [16, 16], "last": "keep"}


@pytest.mark.parametrize("changes", [{}, {"tolerance": 0.1}, {"resolution": "level"}, {"tolerance": "0.1"}])
def test_slide_ids_of_the_defaults_stay_the_same(changes: dict[str, object]) -> None:
    assert tiling(mpp=0.5, **changes) == BEFORE


def test_slide_ids_of_tilings_by_level_do_not_depend_on_the_tolerance() -> None:
    assert tiling(level=0, tolerance=0.3) == {**BEFORE, "mpp": None, "level": 0}


@pytest.mark.parametrize("changes", [{"tolerance": 0.2}, {"resolution": "exact"}])
def test_other_settings_are_in_the_slide_id(changes: dict[str, object]) -> None:
    assert tiling(mpp=0.5, **changes) == {**BEFORE, **changes}


def test_keep_may_name_the_share_inside_of_an_overlay() -> None:
    assert configured(Path("/s"), keep="tissue >= 0.5 and tissue_inside >= 0.8").keep is not None
