"""Tiles that are left out, and the value that fills them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from ratiopath.errors import TruncatedError
from tests.support.handmade import (
    NODATA,
)
from tests.support.streams import CLASSES, read


def sparse(path: Path, dtype: str, text: bytes) -> Path:
    """A scan with the last two of four tiles left out."""
    tifffile.imwrite(
        path,
        np.ones((64, 64), dtype),
        tile=(32, 32),
        photometric="minisblack",
        metadata=None,
        extratags=[(NODATA, 2, len(text), text, True)],
    )
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("TileOffsets", "TileByteCounts"):
            tag = tiff.pages.first.tags[name]
            tag.overwrite((*tag.value[:2], 0, 0))
    return path


FILLS = {
    "uint8": {"7": 7, " 7 ": 7, "255": 255, "256": 255, "-1": 0, "65535.0": 255, "2.55e2": 255, "2.5": 3, "254.6": 255,
              "nan": 0, "inf": 255, "7abc": 7, "abc": 0, "3,5": 4, "1e400": 255, "+5": 5, "": 0},
    "int8": {"-1": -1, "-9999": -128, "255": 127, "-2.5": -3},
    "uint16": {"65535.0": 65535, "1.5e3": 1500, "-9999": 0, "65536": 65535},
    "int16": {"-9999": -9999, "-32768.0": -32768, "1e6": 32767},
    "int32": {"-2147483648": -2147483648, "1e39": 2147483647},
    "uint32": {"4294967295": 4294967295, "-1": 0},
    "int64": {"9007199254740993": 9007199254740993, "-9223372036854775808": -9223372036854775808, "2.55e2": 2},
    "uint64": {"18446744073709551615": 18446744073709551615, "2.5": 2},
    "float32": {"-3.4028234663852886e+38": np.finfo(np.float32).min, "nan": np.nan, "1e39": np.inf, "3,5": 3.5,
                "-inf": -np.inf, "7abc": 7, "0.1": np.float32(0.1)},
    "float64": {"-3.4028234663852886e+38": -3.4028234663852886e+38, "1e39": 1e39, "NaN": np.nan, "-9999": -9999, "": 0},
}  # fmt: skip
"""GDAL_NODATA and the value that GDAL gives to a tile that is left out."""


@pytest.mark.parametrize(("dtype", "text"), [(dtype, text) for dtype in FILLS for text in FILLS[dtype]])
def test_a_sparse_tile_holds_the_fill_value_as_gdal_reads_it(dtype, text, tmp_path) -> None:
    found = read(sparse(tmp_path / "a.tiff", dtype, text.encode() + b"\0"))
    expected = np.ones((64, 64), dtype)
    expected[32:] = FILLS[dtype][text]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 32}])
def test_a_byte_count_of_zero_with_a_place_is_damage(layout, tmp_path) -> None:
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, CLASSES, metadata=None, **layout)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages.first.tags[325 if "tile" in layout else 279]
        tag.overwrite((*tag.value[:-1], 0))
    with pytest.raises(TruncatedError):
        read(path)
