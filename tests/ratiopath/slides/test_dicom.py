"""Folders of DICOM instances: one slide each series."""

import struct

import pytest

from ratiopath.slides import open_slide
from ratiopath.slides.dicom import series_uid
from ratiopath.slides.paths import find_slides
from tests.support.dicom import REAL, element, instance, series

ITEM, END_OF_ITEM, END_OF_SEQUENCE = 0xE000, 0xE00D, 0xE0DD
UNDEFINED = 0xFFFFFFFF


def delimiter(number: int, length: int = 0) -> bytes:
    return struct.pack("<HHI", 0xFFFE, number, length)


def undefined(number: int, *items: bytes) -> bytes:
    """A sequence of undefined length, of items of undefined length."""
    inside = b"".join(delimiter(ITEM, UNDEFINED) + item + delimiter(END_OF_ITEM) for item in items)
    return struct.pack("<HH2sHI", 8, number, b"SQ", 0, UNDEFINED) + inside + delimiter(END_OF_SEQUENCE)


OTHERS = series(b"6.6.6")
BEFORE = {
    "nothing": [],
    "a sequence": [element(8, 0x1115, b"SQ", delimiter(ITEM, len(OTHERS)) + OTHERS)],
    "a sequence of undefined length": [undefined(0x1115, OTHERS, OTHERS)],
    "sequences in a sequence": [undefined(0x1115, undefined(0x1140, OTHERS), OTHERS)],
    "long values": [element(9, 1, b"OB", bytes(1000)), element(9, 2, b"UT", b"text")],
}


@pytest.mark.parametrize("before", BEFORE)
def test_the_series_is_that_of_the_file_not_of_one_it_refers_to(before, tmp_path) -> None:
    (tmp_path / "a.dcm").write_bytes(instance(b"1.2.3", *BEFORE[before]))
    assert series_uid(str(tmp_path / "a.dcm")) == "1.2.3"


NO_SERIES = {
    "nothing": b"",
    "a prefix in the wrong place": b"DICM" + bytes(200),
    "no element": bytes(128) + b"DICM",
    "a series that is cut off": instance(b"1.2.3")[:-8],
    "an element that does not name its value representation": bytes(128) + b"DICM" + struct.pack("<HHI", 8, 5, 4),
    "a sequence without end": bytes(128) + b"DICM" + struct.pack("<HH2sHI", 8, 6, b"SQ", 0, UNDEFINED),
    "no series before its place": bytes(128) + b"DICM" + element(0x28, 2, b"US", b"\1\0"),
}


@pytest.mark.parametrize("content", NO_SERIES)
def test_what_names_no_series_has_none(content, tmp_path) -> None:
    (tmp_path / "a.dcm").write_bytes(NO_SERIES[content])
    assert not series_uid(str(tmp_path / "a.dcm"))


def test_the_instances_of_a_series_in_a_folder_are_one_slide(tmp_path) -> None:
    for name in ("b.dcm", "a.dcm", "c.DCM"):
        (tmp_path / name).write_bytes(instance(b"1.2.3"))
    assert find_slides(tmp_path) == [str(tmp_path / "a.dcm")]


def test_each_series_of_a_folder_is_a_slide(tmp_path) -> None:
    for name, uid in (("a.dcm", b"1.2"), ("b.dcm", b"1.3"), ("c.dcm", b"1.2"), ("d.dcm", b"1.3")):
        (tmp_path / name).write_bytes(instance(uid))
    (tmp_path / "e.svs").touch()
    assert find_slides(tmp_path) == [str(tmp_path / name) for name in ("a.dcm", "b.dcm", "e.svs")]


def test_one_series_in_two_folders_is_two_slides(tmp_path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.dcm").write_bytes(instance(b"1.2"))
    assert find_slides(tmp_path) == [str(tmp_path / folder / "a.dcm") for folder in ("x", "y")]


def test_a_glob_names_a_series_once(tmp_path) -> None:
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(instance(b"1.2"))
    assert find_slides(str(tmp_path / "*.dcm")) == [str(tmp_path / "a.dcm")]


def test_instances_named_one_by_one_are_taken_as_they_are(tmp_path) -> None:
    paths = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for path in paths:
        path.write_bytes(instance(b"1.2"))
    assert find_slides(paths) == [str(path) for path in paths]


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
def test_openslide_opens_the_instance_that_stands_for_its_series(tmp_path) -> None:
    (tmp_path / "b.dcm").symlink_to(REAL.absolute())
    [found] = find_slides(tmp_path)
    with open_slide(found) as slide:
        assert slide.pyramid.levels[0].extent.width == 50
