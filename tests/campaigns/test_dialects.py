"""Files of other libraries: each is read as two more readers read it, or refused by name.

The writers are GDAL, libvips, tifffile and Pillow, in their own dialects: codecs, photometric interpretations, layouts,
overviews, masks and sample types. They come with the dependency group `bench`.
"""

from pathlib import Path

import numpy as np
import pytest

from ratiopath.errors import UnsupportedImageError
from ratiopath.slides import SlideReader, open_slide

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
pytest.importorskip("rasterio", reason="GDAL comes with the dependency group bench")
pytest.importorskip("pyvips", reason="libvips comes with the dependency group bench")

from tests.support.dialects import (  # noqa: E402 - skipped where the writers are missing
    DIALECTS,
    LOSSY_TOLERANCE,
    Dialect,
    gdal_exists,
    gdal_levels,
    readings,
)

REFUSED = {
    "pillow-YCbCr": "YCbCr",
    "pillow-LAB": "CIELAB",
}
"""Beginnings of the names of files that are refused, and the word their message must hold."""


def refusal(dialect: Dialect) -> str | None:
    return next((word for begin, word in REFUSED.items() if dialect.name.startswith(begin)), None)


CONVERTED = ("gdal-jpeg-ycbcr", "gdal-cmyk")
"""Beginnings of the names of files of which GDAL gives other colours than are stored, or than all others decode."""

READ = [pytest.param(dialect, id=dialect.name) for dialect in DIALECTS if refusal(dialect) is None]
OF_GDAL = [pytest.param(dialect, id=dialect.name) for dialect in DIALECTS if dialect.name.startswith("gdal")]


@pytest.fixture
def path(dialect: Dialect, tmp_path: Path) -> Path:
    file = tmp_path / "dialect.tiff"
    dialect.write(file)
    return file


def level(reader: SlideReader, index: int) -> tuple[np.ndarray, np.ndarray]:
    """All pixels of a level, (rows, columns, channels), and where they exist."""
    extent, chunk = reader.pyramid.levels[index].extent, reader.chunk_extent(index)
    pixels = np.zeros((extent.height, extent.width, reader.channels), reader.dtype)
    exists = np.zeros((extent.height, extent.width), bool)
    for row in range(-(-extent.height // chunk.height)):
        for column in range(-(-extent.width // chunk.width)):
            found = reader.read_chunk(index, column, row)
            place = np.s_[row * chunk.height :, column * chunk.width :]
            height, width = found.pixels.shape[:2]
            pixels[place][:height, :width] = found.pixels.reshape(height, width, -1)
            exists[place][:height, :width] = True if found.exists is None else found.exists
    return pixels, exists


def are_equal(ours: np.ndarray, theirs: np.ndarray, exists: np.ndarray, dialect: Dialect) -> bool:
    if theirs.shape[:2] != ours.shape[:2] or theirs.shape[2] < ours.shape[2]:
        return False
    ours, theirs = ours[exists], theirs[..., : ours.shape[2]][exists]
    if dialect.is_lossy:
        return bool(np.abs(ours.astype(int) - theirs.astype(int)).max(initial=0) <= LOSSY_TOLERANCE)
    return bool(np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f"))


def test_there_are_at_least_three_hundred_files() -> None:
    assert len(DIALECTS) >= 300


@pytest.mark.parametrize("dialect", READ)
def test_level_0_is_what_two_other_readers_find(dialect: Dialect, path: Path) -> None:
    with open_slide(str(path)) as reader:
        ours, exists = level(reader, 0)
    theirs = readings(path)
    agreeing = [name for name, pixels in theirs.items() if are_equal(ours, pixels, exists, dialect)]
    assert len(agreeing) >= 2, f"of {sorted(theirs)} only {agreeing}"


@pytest.mark.parametrize("dialect", OF_GDAL)
def test_the_levels_of_a_file_of_gdal_are_its_overviews(dialect: Dialect, path: Path) -> None:
    theirs = gdal_levels(path)
    with open_slide(str(path)) as reader:
        ours = [level(reader, index) for index in range(len(reader.pyramid.levels))]
    assert len(ours) == len(theirs)
    for (pixels, exists), overview in zip(ours, theirs, strict=True):
        assert pixels.shape[:2] == overview.shape[:2]
        assert dialect.name.startswith(CONVERTED) or are_equal(pixels, overview, exists, dialect)


@pytest.mark.parametrize("dialect", OF_GDAL)
def test_a_pixel_exists_where_alpha_or_the_mask_of_gdal_leaves_it(dialect: Dialect, path: Path) -> None:
    with open_slide(str(path)) as reader:
        _, exists = level(reader, 0)
    np.testing.assert_array_equal(exists, gdal_exists(path))


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if refusal(one)], ids=lambda one: one.name)
def test_colours_that_would_not_be_read_as_stored_are_refused_by_name(dialect: Dialect, path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match=refusal(dialect)), open_slide(str(path)) as reader:
        level(reader, 0)
