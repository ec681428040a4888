"""Arrays of NumPy: every type, order of bytes and of rows, saved alone or in an archive."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratiopath.geometry import Extent
from ratiopath.slides import open_slide
from tests.support.pictures import archive, npy, npy_header, npz, read

SAVED: dict[str, Callable[[np.ndarray], bytes]] = {
    "npy": npy,
    "npz": npz,
    "stored-npz": lambda array: npz(array, is_compressed=False),
}
TYPES = ("?", "u1", "i1", "<u2", ">u2", ">i4", "<u4", "<i8", ">u8", "<f2", "<f4", ">f4", ">f8")


def numbers(shape: tuple[int, ...], dtype: str = "u1") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2 if dtype == "?" else 100, shape).astype(dtype)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_are_those_saved_in_native_order(dtype: str, saved: str, order: str, tmp_path: Path) -> None:
    array = np.asarray(numbers((37, 41), dtype), order=order)
    pixels, exists = read(tmp_path / "a", SAVED[saved](array))
    np.testing.assert_array_equal(pixels, array.astype(array.dtype.newbyteorder("=")), strict=True)
    assert exists.all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("saved", SAVED)
def test_bands_may_be_read_in_any_order(saved: str, order: str, tmp_path: Path) -> None:
    array = np.asarray(numbers((1300, 600)), order=order)
    (tmp_path / "a").write_bytes(SAVED[saved](array))
    with open_slide(str(tmp_path / "a")) as reader:
        assert reader.chunk_extent(0) == Extent(512, 512)
        for row in (2, 0, 0, 1, 2):
            found = reader.read_chunk(0, 1, row).pixels
            np.testing.assert_array_equal(found, array[row * 512 : (row + 1) * 512, 512:])


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("shape", [(1, 20, 30), (20, 30, 1), (1, 600), (1, 1), (20, 1)])
def test_an_axis_of_one_before_or_behind_is_no_plane(shape: tuple[int, ...], saved: str, tmp_path: Path) -> None:
    array = numbers(shape)
    pixels, _ = read(tmp_path / "a", SAVED[saved](array))
    want = shape if len(shape) == 2 else (20, 30)
    np.testing.assert_array_equal(pixels, array.reshape(want))


def test_rows_of_any_width_are_in_bands_of_bounded_size(tmp_path: Path) -> None:
    array = numbers((3, 5_000_000), "<f8")
    (tmp_path / "a").write_bytes(npy(array))
    with open_slide(str(tmp_path / "a")) as reader:
        assert reader.chunk_extent(0) == Extent(512, 1)
        np.testing.assert_array_equal(reader.read_chunk(0, 9765, 2).pixels, array[2:, 512 * 9765 :])


def test_a_bool_of_another_byte_than_1_is_true(tmp_path: Path) -> None:
    pixels, _ = read(tmp_path / "a", npy_header((2, 3), "'|b1'") + bytes([0, 1, 2, 255, 0, 1]))
    assert pixels.view(np.uint8).tolist() == [[0, 1, 1], [1, 0, 1]]


def test_a_header_of_version_2_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, numbers((20, 30)), version=(2, 0))
    np.testing.assert_array_equal(read(tmp_path / "a", file.getvalue())[0], numbers((20, 30)))


@pytest.mark.parametrize("name", ["mask.npy", "a/b.npy"])
def test_an_archive_may_name_its_array(name: str, tmp_path: Path) -> None:
    pixels, _ = read(tmp_path / "a", archive(npy(numbers((20, 30))), name=name))
    np.testing.assert_array_equal(pixels, numbers((20, 30)))
