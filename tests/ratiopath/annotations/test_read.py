"""The choice of a reader by content, archives, and what is refused by name."""

import gzip
import io
import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, ReadOptions, is_annotation, read_outlines
from ratiopath.annotations import read as reading
from ratiopath.errors import SlideNotFoundError, TruncatedError, UnsupportedFormatError
from tests.support.annotation_tables import CSV, GEOJSON, POLYGON, zipped


def arrays(save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, np.zeros((4, 4)))
    return buffer.getvalue()


def database(path: Path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("create table a (b)")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (GEOJSON, "geojson"),
        (b"\xef\xbb\xbf \n" + GEOJSON, "geojson"),
        (json.dumps(POLYGON).encode(), "geojson"),
        (b"[]", "geojson"),
        (b'{"item": {}, "annotations": []}', "darwin"),
        (b'{"image": {}, "annotations": []}', "darwin"),
        (b'{"items": []}', "empaia"),
        (b'[{"type": "point"}]', "empaia"),
        (b'{"annotation": {"elements": []}}', "dsa"),
        (b'[{"elements": []}]', "dsa"),
        (CSV, "wkt"),
    ],
)
def test_the_format_is_recognised_by_content(write, content, name):
    assert read_outlines(write(content)).format == name


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[{}]", b'{"annotations": [], "images": [], "categories": []}', b'[{"id": 1, "result": []}]'],
    ids=["empty", "empty in a list", "COCO", "Label Studio"],
)
def test_json_in_another_format_is_refused(write, content):
    with pytest.raises(UnsupportedFormatError, match="keys"):
        read_outlines(write(content))


@pytest.mark.parametrize("content", [b"[1]", b'["a"]', b"[null]", b"[[1]]"])
def test_json_without_objects_is_refused(write, content):
    with pytest.raises(TruncatedError, match="JSON"):
        read_outlines(write(content))


def test_the_format_that_is_insisted_on_must_be_found(write):
    with pytest.raises(UnsupportedFormatError, match="geojson, not dsa"):
        read_outlines(write(GEOJSON), ReadOptions(format="dsa"))


def test_the_format_that_is_insisted_on_is_read(write):
    assert len(read_outlines(write(GEOJSON), ReadOptions(format="geojson")).labels) == 1


@pytest.mark.parametrize("content", [b"", b" \n\t"], ids=["empty", "blank"])
def test_an_empty_file_is_damage(write, content):
    with pytest.raises(TruncatedError):
        read_outlines(write(content))


REFUSED = {
    "a pickle of Python": pickle.dumps({"cont": []}),
    "serialised Java": b"\xac\xed\0\x05sr\0\x1aqupath.lib",
    "a NumPy file": arrays(np.save),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(9),
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0",
    "a TIFF": b"II*\0\x08\0\0\0",
    "a JPEG": b"\xff\xd8\xff\xe0\0",
    "no known format": bytes(99),
}


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - {"an HDF5 file"}))
def test_another_file_is_refused_by_name(write, name):
    with pytest.raises(UnsupportedFormatError, match=name):
        read_outlines(write(REFUSED[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_another_file_in_an_archive_is_refused_by_name(write, name):
    with pytest.raises(UnsupportedFormatError, match=name):
        read_outlines(write(gzip.compress(REFUSED[name])))


def test_arrays_of_numpy_are_refused_by_name(write):
    with pytest.raises(UnsupportedFormatError, match="NumPy"):
        read_outlines(write(arrays(np.savez_compressed)))


def test_a_database_is_refused_by_name(write, tmp_path):
    with pytest.raises(UnsupportedFormatError, match="SQLite"):
        read_outlines(write(database(tmp_path / "a.db")))


def test_a_pickle_is_not_loaded(write, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "loaded"),)

    with pytest.raises(UnsupportedFormatError):
        read_outlines(write(pickle.dumps(Bomb())))
    assert not (tmp_path / "loaded").exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "a.json", "wb") as file:
        file.write(b"[")
        file.truncate(5 << 30)

    with pytest.raises(UnsupportedFormatError, match="5,368,709,120 bytes"):
        read_outlines(str(tmp_path / "a.json"))


@pytest.mark.parametrize("call", [read_outlines, is_annotation])
def test_a_missing_file_is_named(tmp_path, call):
    with pytest.raises(SlideNotFoundError):
        call(str(tmp_path / "a.json"))


@pytest.mark.parametrize("call", [read_outlines, is_annotation])
def test_a_pipe_is_not_opened(tmp_path, call):
    os.mkfifo(tmp_path / "a.json")

    with pytest.raises(SlideNotFoundError, match="FIFO"):
        call(str(tmp_path / "a.json"))


@pytest.mark.parametrize(
    "content",
    [
        GEOJSON,
        b"\n [ ]",
        CSV,
        b"\xef\xbb\xbf<?xml version='1.0'?>",
        "<Annotations/>".encode("utf-16"),
        gzip.compress(GEOJSON),
        zipped(GEOJSON),
        b"PAR1\x15\x04",
        pickle.dumps([]),
        b"\xac\xed\0\x05sr",
        b"SQLite format 3\0",
        b"\x89HDF\r\n\x1a\n",
        b"\x1f\x8b damaged",
        gzip.compress(gzip.compress(GEOJSON)),
        gzip.compress(b""),
        GEOJSON + b"\0",
        GEOJSON.decode().encode("utf-16-le"),
        b"[null, null, null]",
        b" \r\n",
    ],
    ids=lambda content: f"{len(content)} bytes",  # gzip and numpy write the time
)
def test_annotations_are_told_from_images(write, content):
    assert is_annotation(write(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0\x08\0\0\0",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"[Virtual Microscope Specimen]\nNoLayers=1\n",
        bytes(128) + b"DICM",
        arrays(np.save),
        arrays(np.savez),
        gzip.compress(bytes(348) + b"n+1\0"),
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_images_are_told_from_annotations(write, content):
    assert not is_annotation(write(content))


def test_the_limit_is_that_of_the_documentation():
    assert reading.MAX_BYTES == 4 * 1024**3


def test_shapely_reads_the_sample_as_we_do(write):
    expected = shapely.from_geojson(json.dumps(POLYGON))

    assert Annotations.of(read_outlines(write(GEOJSON))).polygons.tolist() == [expected]
