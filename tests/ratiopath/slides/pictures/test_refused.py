"""Pictures that are damaged or not supported: a named error, and no pixel."""

import pickle
import zlib
from pathlib import Path

import pytest

from ratiopath.errors import SlideError, TruncatedError, UnsupportedImageError
from ratiopath.slides import open_slide
from ratiopath.slides.paths import find_slides
from tests.support.bad_pictures import BAD_PICTURES, JPEG, MASK, PNG, of_rows
from tests.support.pictures import chunk, exif, jpeg, npy, npz, png, read

WHOLE = {"png": PNG, "jpeg": JPEG, "npy": npy(MASK), "npz": npz(MASK)}
BAD_ROWS = zlib.compress(bytes(51 * 700))


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_bad_picture_is_refused_by_an_error_that_survives_pickling(name: str, tmp_path: Path) -> None:
    make, call = BAD_PICTURES[name]
    make(tmp_path / name)
    with pytest.raises((TruncatedError, UnsupportedImageError)) as caught:
        call(str(tmp_path / name))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes
    assert name in str(caught.value)


@pytest.mark.parametrize("orientation", [0, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_picture_that_is_stored_turned_is_refused(form: str, order: str, orientation: int, tmp_path: Path) -> None:
    block = exif(orientation, order)
    content = jpeg(MASK, b"Exif\0\0" + block) if form == "jpeg" else png(MASK, before=chunk(b"eXIf", block))
    with pytest.raises(UnsupportedImageError, match=f"Orientation {orientation}\\); hint: export it upright"):
        read(tmp_path / "a", content)


@pytest.mark.parametrize("name", ["png", "jpeg", "npy", "npz"])
def test_a_picture_is_refused_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    content = WHOLE[name]
    for length in range(8, len(content), 5):
        with pytest.raises(SlideError):
            read(tmp_path / "a", content[:length])


def test_every_bit_of_a_png_is_under_a_checksum(tmp_path: Path) -> None:
    content = png(MASK[:10, :10], before=chunk(b"pHYs", bytes(9)), behind=chunk(b"tEXt", b"a"))
    for place in range(8, len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(SlideError):
            read(tmp_path / "a", bytes(damaged))


def test_a_band_after_a_damaged_one_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(of_rows(BAD_ROWS, 1100))
    with open_slide(str(tmp_path / "a")) as reader:
        assert reader.read_chunk(0, 0, 0).pixels.shape == (512, 50)
        for row in (1, 2, 1):
            with pytest.raises(TruncatedError):
                reader.read_chunk(0, 0, row)
        assert not reader.read_chunk(0, 0, 0).pixels.any()


def test_pictures_in_a_folder_are_not_slides(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.jpeg", "a.npy", "a.npz", "a.svs"):
        (tmp_path / name).touch()
    assert find_slides(tmp_path) == [str(tmp_path / "a.svs")]
    assert find_slides(tmp_path / "a.png") == [str(tmp_path / "a.png")]
