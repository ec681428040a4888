"""Layers of a picture: the thumbnail of the slide, and the areas of each class."""

from pathlib import Path

import numpy as np
import pytest

from flows.config.model import Overlay
from flows.reports.previews import layers
from ratiopath.geometry import Extent, Mpp
from ratiopath.slides.frame import read_frame
from tests.support.layouts import LAYOUTS, Raster
from tests.support.previews import HALF_UM, canvas_of
from tests.support.study import write_slide

REAL = Path(__file__).parents[4] / "shared/data/CMU-1-Small-Region.svs"
MASK = Overlay(path="{stem}", classes={"a": [1], "b": [2, 3]})


def write(path: Path, levels: list[np.ndarray], mpp: float = 0.5, layout: str = "deflate") -> str:
    LAYOUTS[layout].write(path, Raster(tuple(levels), (mpp, mpp)))
    return str(path)


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize(("side", "expected"), [(2000, 20), (1000, 20), (500, 20), (250, 30), (100, 40), (10, 40)])
def test_the_thumbnail_is_the_level_closest_in_size_except_the_finest(tmp_path, side, expected) -> None:
    levels = [plain(512, 1024, 10), plain(256, 512, 20), plain(128, 256, 30), plain(64, 128, 40)]
    found = layers.read_thumbnail(write(tmp_path / "a.tiff", levels), Extent(side, side // 2))
    np.testing.assert_array_equal(found, plain(side // 2, side, expected))


def test_a_slide_of_one_level_has_no_thumbnail(tmp_path) -> None:
    assert layers.read_thumbnail(write(tmp_path / "one.tiff", [plain(64, 64, 10)]), Extent(32, 32)) is None


def test_a_level_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "two.tiff", [plain(64, 64, 10), plain(32, 32, 10)])
    monkeypatch.setattr(layers, "MAX_PIXELS", 32 * 32 - 1)
    assert layers.read_thumbnail(path, Extent(32, 32)) is None


@pytest.mark.skipif(not REAL.exists(), reason="the real slide is not beside the project")
def test_the_thumbnail_of_a_scan_of_one_level_is_that_of_its_scanner() -> None:
    found = layers.read_thumbnail(str(REAL), Extent(222, 297))
    assert found.shape == (297, 222, 3)
    assert found.std() > 10


def write_stripes(folder: Path) -> str:
    """Stripes of 0, 1, 2 and 3, each 8 px wide at 1 µm/px."""
    labels = np.repeat(np.uint8([[0, 1, 2, 3]]), 8, axis=1).repeat(24, axis=0)
    return write(folder / "m.tiff", [labels], mpp=1.0)


def areas(path: str, overlay: Overlay = MASK, mpp: Mpp | None = HALF_UM) -> dict[str, np.ndarray] | None:
    canvas = canvas_of((64, 48), 16, 16, 64, mpp=mpp)
    slide = write_slide(Path(path).with_name("slide.tiff"))
    frame = None if mpp is None else read_frame(str(slide)).with_mpp_of(0, mpp)
    return layers.read_areas(path, overlay, canvas, frame, list(overlay.classes))


def columns(found: np.ndarray) -> list[int]:
    """The columns of an area that is as high as the picture."""
    assert (found == found[:1]).all()
    return np.flatnonzero(found[0]).tolist()


def test_the_area_of_a_class_is_that_of_its_values_only(tmp_path) -> None:
    found = areas(write_stripes(tmp_path))
    assert {name: columns(area) for name, area in found.items()} == {
        "a": [*range(16, 32)],
        "b": [*range(32, 64)],
    }


def test_an_overlay_that_ends_early_has_no_class_beyond(tmp_path) -> None:
    found = areas(write(tmp_path / "m.tiff", [np.ones((24, 16), np.uint8)], mpp=1.0))
    assert columns(found["a"]) == [*range(32)]


def test_classes_that_share_a_value_have_whole_areas(tmp_path) -> None:
    found = areas(write_stripes(tmp_path), Overlay(path="{stem}", classes={"all": [1, 2], "some": [2]}))
    assert {name: columns(area) for name, area in found.items()} == {
        "all": [*range(16, 48)],
        "some": [*range(32, 48)],
    }


def test_the_area_of_a_class_of_colours_is_that_of_the_colour(tmp_path) -> None:
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[:12] = (255, 0, 0)
    path = write(tmp_path / "m.tiff", [colours], mpp=1.0)
    found = areas(path, Overlay(path="{stem}", classes={"red": ["255,0,0"]}))["red"]
    np.testing.assert_array_equal(np.flatnonzero(found.all(axis=1)), np.arange(24))
    assert not found[24:].any()


def test_the_area_of_a_range_is_that_of_its_values(tmp_path) -> None:
    found = areas(write_stripes(tmp_path), Overlay(path="{stem}", classes={"low": ["0..1"], "high": [">2"]}))
    assert {name: columns(area) for name, area in found.items()} == {"low": [*range(32)], "high": [*range(48, 64)]}


def test_an_overlay_over_a_slide_without_resolution_is_not_read(tmp_path) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 32), np.uint8)], mpp=1.0)
    assert areas(path, mpp=None) is None


def test_an_overlay_that_is_too_large_is_not_read(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "m.tiff", [np.ones((24, 32), np.uint8)], mpp=1.0)
    monkeypatch.setattr(layers, "MAX_PIXELS", 24 * 32 - 1)
    assert areas(path) is None
