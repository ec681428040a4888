"""Names of values, one tiny file each, with the expected fractions first."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.support.expressions import overlaps_of, patches_of, tile_table
from tests.support.layouts import LAYOUTS, Layout, Raster

ROI = shapely.box(0, 0, 4, 2)


def pixels(*values: object, dtype: str) -> np.ndarray:
    """Two rows of four pixels, each value twice, one below the other."""
    return np.array([values, values], dtype=dtype)


def overlaps(path: Path, raster: Raster, layout: Layout = LAYOUTS["tiles"], roi: shapely.Geometry = ROI) -> dict:
    layout.write(path, raster)
    [row] = overlaps_of(tile_table(path, [(0, 0)], (1.0, 1.0)), roi)
    return row


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (pixels(True, False, False, False, dtype="bool"), {"1": 0.25, "0": 0.75}),
        (pixels(0, 255, 255, 7, dtype="uint8"), {"0": 0.25, "255": 0.5, "7": 0.25}),
        (pixels(0, 256, 65535, 65535, dtype="uint16"), {"0": 0.25, "256": 0.25, "65535": 0.5}),
        (pixels(-1, 1, -32768, 1, dtype="int16"), {"-1": 0.25, "1": 0.5, "-32768": 0.25}),
        (pixels(2**32 - 1, 0, 0, 0, dtype="uint32"), {"4294967295": 0.25, "0": 0.75}),
        (pixels(0, 1, 0.1, 0.1, dtype="float32"), {"0.0": 0.25, "1.0": 0.25, "0.1": 0.5}),
        (pixels(0.1, 1 / 3, 0.1, 1e300, dtype="float64"), {"0.1": 0.5, "0.3333333333333333": 0.25, "1e+300": 0.25}),
        (pixels(np.nan, np.nan, np.inf, 1, dtype="float32"), {"nan": 0.5, "inf": 0.25, "1.0": 0.25}),
        (pixels(-0.0, 0.0, 1, 1, dtype="float32"), {"0.0": 0.5, "1.0": 0.5}),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else None,
)
def test_a_channel_names_the_stored_number(level: np.ndarray, expected: dict[str, float], tmp_path: Path) -> None:
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0))) == expected


def test_a_palette_image_gives_its_class_index_not_a_colour(tmp_path: Path) -> None:
    level = pixels(0, 1, 1, 9, dtype="uint8")
    layout = Layout(photometric="palette")
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0)), layout) == {"0": 0.25, "1": 0.5, "9": 0.25}


def test_white_is_zero_gives_the_stored_number_too(tmp_path: Path) -> None:
    level = pixels(0, 255, 255, 255, dtype="uint8")
    layout = Layout(photometric="miniswhite")
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0)), layout) == {"0": 0.25, "255": 0.75}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32"])
def test_equal_channels_are_one_number_and_others_a_triple(dtype: str, tmp_path: Path) -> None:
    level = pixels((5, 5, 5), (0, 0, 0), (1, 2, 3), (3, 2, 1), dtype=dtype)
    expected = {"5": 0.25, "0": 0.25, "1,2,3": 0.25, "3,2,1": 0.25}
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0))) == expected


def test_float_channels_are_named_like_one(tmp_path: Path) -> None:
    level = pixels((0.5, 0.5, 0.5), (0, 0, 0), (0.1, 2, 3), (0.1, 2, 3), dtype="float32")
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0))) == {"0.5": 0.25, "0.0": 0.25, "0.1,2.0,3.0": 0.5}


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_any_number_of_channels_is_one_value(channels: int, tmp_path: Path) -> None:
    level = pixels(*[[number] * channels for number in (0, 7, 7, 1)], dtype="uint16")
    level[:, 3, -1] = 900
    odd = ",".join(["1"] * (channels - 1) + ["900"])
    found = overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0)), LAYOUTS["ome-channel-pages"])
    assert found == {"0": 0.25, "7": 0.5, odd: 0.25}


def test_pixels_with_alpha_zero_are_in_no_share(tmp_path: Path) -> None:
    level = pixels(0, 255, 7, 7, dtype="uint8")
    alpha = pixels(255, 1, 0, 0, dtype="uint8")
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0), (alpha,))) == {"0": 0.5, "255": 0.5}


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_image_in_the_hole_of_the_roi_has_no_value(channels: int, dtype: str, tmp_path: Path) -> None:
    level = np.zeros((4, 4) if channels == 1 else (4, 4, channels), dtype)
    ring = shapely.box(-9, -9, 13, 13).difference(shapely.box(-2, -2, 6, 6))
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0)), roi=ring) == {}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_an_image_of_which_nothing_was_scanned_has_no_value(channels: int, dtype: str, tmp_path: Path) -> None:
    level = np.zeros((4, 4) if channels == 1 else (4, 4, channels), dtype)
    alpha = np.zeros((4, 4), dtype)
    assert overlaps(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0), (alpha,))) == {}
    [(data, mask)] = patches_of(tile_table(tmp_path / "a.tiff", [(0, 0)], (1.0, 1.0)), ROI)
    assert mask.all()
    assert not data.any()


def test_a_half_is_rounded_up_left_of_the_image_too(tmp_path: Path) -> None:
    """At half the resolution x = 1 starts at pixel floor(0.5 + 0.5) = 1 and x = -1 at floor(-0.5 + 0.5) = 0."""
    level = np.array([[10, 20, 30, 40]], "uint8")
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (2.0, 1.0)))
    found = overlaps_of(
        tile_table(tmp_path / "a.tiff", [(-1, 0), (0, 0), (1, 0), (2, 0), (3, 0), (5, 0)], (1.0, 1.0)),
        shapely.box(0, 0, 2, 1),
    )
    assert found == [{"10": 1.0}, {"10": 1.0}, {"20": 1.0}, {"20": 1.0}, {"30": 1.0}, {"40": 1.0}]


def test_a_roi_smaller_than_an_overlay_pixel_sees_one_pixel(tmp_path: Path) -> None:
    level = np.array([[10, 20], [30, 40]], "uint8")
    LAYOUTS["tiles"].write(tmp_path / "a.tiff", Raster((level,), (8.0, 8.0)))
    table = tile_table(tmp_path / "a.tiff", [(0, 0), (8, 0), (3, 4), (4, 4)], (1.0, 1.0))
    assert overlaps_of(table, shapely.box(0, 0, 0.25, 0.25)) == [{"10": 1.0}, {"20": 1.0}, {"30": 1.0}, {"40": 1.0}]


@pytest.mark.parametrize(
    ("x", "offset", "pixel"), [(150_000, 0.499, 150_000), (150_000, 0.5, 150_001), (99_999, -0.501, 99_998)]
)
def test_far_from_the_corner_coordinates_keep_their_fractions(
    x: int, offset: float, pixel: int, tmp_path: Path
) -> None:
    """In float32 the numbers around 150,000 are a 64th apart."""
    level = np.arange(200_000, dtype=np.uint32)[None]
    Layout(pyramid="none", tile=None, compression="deflate").write(tmp_path / "a.tiff", Raster((level,), (1.0, 1.0)))
    table = tile_table(tmp_path / "a.tiff", [(x, 0)], (1.0, 1.0))
    roi = shapely.box(offset, 0, offset + 1, 1)
    assert overlaps_of(table, roi) == [{str(pixel): 1.0}]
    [(data, _)] = patches_of(table, roi)
    assert data.tolist() == [[pixel]]
