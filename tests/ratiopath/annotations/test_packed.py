"""Compressed annotation files."""

import gzip

import pytest

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import TruncatedError, UnsupportedFormatError
from tests.support.annotation_tables import CSV, GEOJSON, zipped


@pytest.mark.parametrize(
    "content",
    [gzip.compress(GEOJSON), zipped(a=GEOJSON), gzip.compress(GEOJSON[:50]) + gzip.compress(GEOJSON[50:])],
    ids=["gzip", "zip", "two members"],
)
def test_a_compressed_file_is_read(write, content):
    assert Annotations.of(read_outlines(write(content))).bounds.tolist() == [0, 0, 4, 4]


def test_each_entry_of_a_zip_archive_is_read(write):
    entries = {"a.geojson": GEOJSON, "sub/b.json": GEOJSON, "__MACOSX/._a": b"\0\5", "empty/": b""}
    content = zipped(**entries, **{"sub/.DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"\xd0\xcf"})

    assert len(read_outlines(write(content)).labels) == 2


def test_entries_of_two_formats_are_refused(write):
    with pytest.raises(UnsupportedFormatError, match="geojson and wkt"):
        read_outlines(write(zipped(a=GEOJSON, b=CSV)))


def test_an_archive_without_entries_is_damage(write):
    with pytest.raises(TruncatedError, match="empty"):
        read_outlines(write(zipped()))


def test_an_archive_in_an_archive_is_refused(write):
    with pytest.raises(UnsupportedFormatError, match="zip"):
        read_outlines(write(gzip.compress(zipped(a=GEOJSON))))


def test_an_encrypted_archive_is_refused(write):
    content = bytearray(zipped(a=GEOJSON))
    content[content.index(b"PK\1\2") + 8] |= 1
    content[6] |= 1

    with pytest.raises(UnsupportedFormatError, match="encrypted"):
        read_outlines(write(bytes(content)))


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(a=content)], ids=["gzip", "zip"])
def test_a_bomb_is_refused(write, pack):
    with pytest.raises(UnsupportedFormatError, match="unpacks to more"):
        read_outlines(write(pack(b" " * (70 << 20))))


def test_the_entries_of_a_bomb_are_counted_together(write):
    with pytest.raises(UnsupportedFormatError, match="unpacks to more"):
        read_outlines(write(zipped(**{str(index): GEOJSON + b" " * (10 << 20) for index in range(8)})))


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: zipped(a=content)], ids=["gzip", "zip"])
@pytest.mark.parametrize("part", range(1, 10))
def test_an_archive_that_is_cut_short_is_refused(write, pack, part):
    content = pack(GEOJSON)

    with pytest.raises(TruncatedError):
        read_outlines(write(content[: len(content) * part // 10]))


def test_a_wrong_checksum_is_damage(write):
    content = bytearray(gzip.compress(GEOJSON))
    content[-8] ^= 1

    with pytest.raises(TruncatedError, match="CRC"):
        read_outlines(write(bytes(content)))
