"""Files of an output as a listing shows them, compared with what the state index says of them."""

import os
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from pyarrow.fs import FileInfo, FileType, FSSpecHandler, PyFileSystem

from flows.records.output_files import OutputFiles, file_columns
from flows.storage.workspace import Workspace, subfolder_of

ID = "a-0123456789ab"
LATE = (1 << 63) + 5
"""Time of the year 2262 in ns."""


class HeadsToTheSecond(FSSpecHandler):
    """A store that tells less of a time when it is asked for one file than in a listing, as MinIO does."""

    def get_file_info(self, paths: list[str]) -> list[FileInfo]:
        found = super().get_file_info(paths)
        return [
            FileInfo(one.path, one.type, size=one.size, mtime_ns=one.mtime_ns // 10**9 * 10**9)
            if one.type == FileType.File
            else one
            for one in found
        ]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(str(tmp_path))


def write(workspace: Workspace, content: bytes = b"abc") -> Path:
    path = Path(workspace.of_slide("tiles", ID))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def rows(workspace: Workspace) -> pa.Table:
    return pa.table({"slide_id": [ID], **file_columns([ID], ["tiles"], workspace)})


def matches(workspace: Workspace, stored: pa.Table) -> bool:
    [found] = OutputFiles.of(workspace).match(stored, ["tiles"])
    return bool(found)


@pytest.mark.parametrize("layout", ["flat", "subfolders", "mixed"])
def test_a_file_that_stays_matches(workspace, layout) -> None:
    workspace = replace(workspace, layout=layout)
    write(workspace)
    assert matches(workspace, rows(workspace))


def test_a_file_of_another_size_or_time_or_none_does_not(workspace) -> None:
    path = write(workspace)
    state, stored = path.stat(), rows(workspace)
    os.utime(path, ns=(0, state.st_mtime_ns + 1))
    assert not matches(workspace, stored)
    path.write_bytes(b"abcd")
    os.utime(path, ns=(0, state.st_mtime_ns))
    assert not matches(workspace, stored)
    path.unlink()
    assert not matches(workspace, stored)
    assert not matches(workspace, rows(workspace))


@pytest.mark.parametrize("time", [-1, -(10**18), LATE])
def test_a_file_of_a_time_before_1970_or_after_2262_does_not(workspace, time) -> None:
    path = write(workspace)
    os.utime(path, ns=(0, time))
    stored = rows(workspace)
    assert stored["tiles_mtime_ns"].to_pylist() == [None]
    assert not matches(workspace, stored)


def test_a_file_of_a_store_matches_whatever_its_listings_tell_of_a_second(tmp_path) -> None:
    files = PyFileSystem(HeadsToTheSecond(fsspec.filesystem("file")))
    workspace = Workspace(files, str(tmp_path), "s3://bucket")
    path = write(workspace)
    os.utime(path, ns=(0, 1_234_567_890_123_000_000))
    stored = rows(workspace)
    assert matches(workspace, stored)
    os.utime(path, ns=(0, 1_234_567_891_123_000_000))
    assert not matches(workspace, stored)


def test_a_file_at_the_place_of_another_layout_does_not(workspace) -> None:
    path, stored = write(workspace), rows(workspace)
    assert matches(replace(workspace, layout="subfolders"), stored) is not matches(workspace, stored)
    elsewhere = path.parent / ("00" if subfolder_of(ID) != "00" else "11")
    elsewhere.mkdir()
    path.rename(elsewhere / path.name)
    assert not any(matches(replace(workspace, layout=layout), stored) for layout in ("flat", "subfolders", "mixed"))


def test_of_two_files_of_a_slide_neither_does(workspace) -> None:
    path = write(workspace)
    stored = rows(workspace)
    below = path.parent / subfolder_of(ID)
    below.mkdir()
    os.link(path, below / path.name)
    assert not matches(replace(workspace, layout="mixed"), stored)
    assert matches(workspace, stored)


@pytest.mark.parametrize("layout", ["flat", "subfolders", "mixed"])
def test_without_a_file_in_the_folder_nothing_matches(workspace, layout) -> None:
    stored = rows(workspace)
    assert not matches(replace(workspace, layout=layout), stored)
