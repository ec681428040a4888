"""Listing of a folder: every regular file with size and time, flat or in subfolders, and nothing else."""

import os

import pytest

from flows.storage.listing import list_files, list_folder
from flows.storage.workspace import Workspace


@pytest.fixture(params=["folder", "s3"])
def workspace(request, tmp_path) -> Workspace:
    if request.param == "s3":
        return Workspace.at(request.getfixturevalue("bucket").uri("out"))
    return Workspace.at(str(tmp_path))


def _write(workspace: Workspace, name: str, content: bytes) -> None:
    with workspace.atomic_write(workspace.published("coverage", *name.split("/"))) as file:
        file.write(content)


def _listed(workspace: Workspace) -> dict[tuple[str, str], int]:
    rows = list_files(workspace, workspace.published("coverage")).to_pylist()
    assert all(row["mtime_ns"] > 0 for row in rows)
    return {(row["subfolder"], row["name"]): row["size"] for row in rows}


def test_files_are_listed_with_their_subfolder(workspace) -> None:
    assert _listed(workspace) == {}
    for name, size in {"a.parquet": 3, "3f/b.parquet": 5, "3F/c": 1, "abc/d": 1, "3f/aa/e": 1}.items():
        _write(workspace, name, b"x" * size)
    assert _listed(workspace) == {("", "a.parquet"): 3, ("3f", "b.parquet"): 5}


def test_sizes_and_times_are_those_of_the_file_system(tmp_path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    os.utime(file, ns=(5, 1_234_567_890_123_456_789))
    [row] = list_files(Workspace.at(str(tmp_path)), str(tmp_path)).to_pylist()
    assert row == {"name": "a", "subfolder": "", "size": 3, "mtime_ns": 1_234_567_890_123_456_789}


def test_links_and_folders_are_no_files_and_names_of_other_bytes_are_left_out(tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "ab").symlink_to(tmp_path)
    (tmp_path / "cd").mkdir()
    with open(os.fsencode(tmp_path) + b"/\xff", "wb"):
        pass
    (tmp_path / "cd" / "folder").mkdir()
    listing = list_folder(Workspace.at(str(tmp_path)), str(tmp_path))
    assert listing.files["name"].to_pylist() == ["file"]
    assert sorted(listing.others) == ["ab", "cd/folder", "link"]


def test_a_folder_of_more_files_than_a_slice_is_listed_whole(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("flows.storage.listing.SLICE", 8)
    for number in range(9):
        os.mknod(tmp_path / f"{number}")
    table = list_files(Workspace.at(str(tmp_path)), str(tmp_path))
    assert sorted(map(int, table["name"].to_pylist())) == list(range(9))
    assert table.column("name").num_chunks == 2
