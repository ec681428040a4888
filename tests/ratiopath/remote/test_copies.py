"""Copies of files on stores: whole or absent, shared by processes, in bounded room."""

import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import fsspec
import numpy as np
import pytest

from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote import copies, retries
from ratiopath.remote.copies import FOLDER, GIGABYTES, Copies
from ratiopath.remote.listing import list_files
from ratiopath.slides import open_slide
from ratiopath.slides.frame import read_frame
from ratiopath.slides.openslide_reader import OpenSlideReader
from tests.support import bad_files
from tests.support.disturbed_store import DisturbedStore, HttpError, cut, error, slow
from tests.support.leica import write_leica_slide

CONTENT = np.random.default_rng(1).bytes(1000)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(copies, "_PIECE", 64)
    monkeypatch.setattr(copies, "_PAUSE", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


def put(name: str, content: bytes = CONTENT) -> str:
    fsspec.filesystem("memory").pipe_file(f"/copies/{name}", content)
    return f"memory://copies/{name}"


def kept(folder: Path) -> list[str]:
    """Names of the files in complete copies."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_copy_is_made_once_for_each_version(folder: Path) -> None:
    store = Copies(str(folder), 10_000)
    uri = DisturbedStore.holding("a.ndpi", CONTENT)
    for _ in range(2):
        held = store.hold(uri)
        assert Path(held.path).read_bytes() == CONTENT
        held.close()
    assert len([one for one in DisturbedStore.requests if one != "info"]) == -(-len(CONTENT) // 64)

    DisturbedStore.contents["a.ndpi"] = CONTENT[::-1]
    held = store.hold(uri)
    assert (Path(held.path).name, Path(held.path).read_bytes()) == ("a.ndpi", CONTENT[::-1])
    held.close()


def test_copies_that_were_used_last_stay(folder: Path) -> None:
    store = Copies(str(folder), 2500)
    for name in ("a", "b", "a", "c"):
        store.hold(put(name)).close()
        time.sleep(0.02)

    assert kept(folder) == ["a", "c"]
    assert len(list(folder.glob("*.lock"))) == 3  # and that of the room


def test_copies_that_are_read_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Copies(str(folder), 2500)
    held = [store.hold(put(name)) for name in ("a", "b")]
    monkeypatch.setattr(copies, "WAIT", 0.1)
    with pytest.raises(UnsupportedFormatError, match=r"can only be read from a copy, and .* has no room") as caught:
        store.hold(put("c"))
    assert isinstance(caught.value.__cause__, BlockingIOError)  # a run tries again

    monkeypatch.setattr(copies, "WAIT", 60)
    threading.Timer(0.1, held[0].close).start()
    store.hold(put("c")).close()
    held[1].close()
    assert kept(folder) == ["b", "c"]


def test_a_copy_does_not_change_its_name_while_another_process_makes_room(folder: Path) -> None:
    locks = list[IO[bytes]]()

    def lock_the_room(content: bytes) -> bytes:
        file = (folder / "room.lock").open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        locks.append(file)
        return content

    uri, store = DisturbedStore.holding("a.ndpi", CONTENT[:60], lock_the_room), Copies(str(folder), 2500)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(store.hold, uri)
        while not locks:
            time.sleep(0.01)
        with pytest.raises(TimeoutError):
            held.result(timeout=0.3)
        assert [path.suffix for path in folder.iterdir() if path.is_dir()] == [".unfinished"]
        locks[0].close()
        held.result().close()
    assert kept(folder) == ["a.ndpi"]


@pytest.mark.parametrize("limit", [0, 999])
def test_a_file_that_is_larger_than_the_room_is_refused_at_once(folder: Path, limit: int) -> None:
    with pytest.raises(UnsupportedFormatError, match=f"set {FOLDER} and {GIGABYTES} .* or copy it") as caught:
        Copies(str(folder), limit).hold(put("a"))

    assert caught.value.__cause__ is None
    assert kept(folder) == []


def test_the_disk_is_not_filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "FREE", 1.0)
    monkeypatch.setattr(copies, "WAIT", 0.0)
    with pytest.raises(UnsupportedFormatError, match="has no room"):
        Copies(str(folder), 10_000).hold(put("a"))


@pytest.mark.parametrize("fault", [error(HttpError(503)), cut, error(ConnectionResetError())])
def test_a_store_that_fails_leaves_no_copy(folder: Path, fault) -> None:
    uri = DisturbedStore.holding("a.scn", CONTENT, *[slow] * 3, *[fault] * 100)
    with pytest.raises(TruncatedError, match="5 tries failed"):
        Copies(str(folder), 10_000).hold(uri)
    assert kept(folder) == []

    DisturbedStore.faults[:] = [fault] * 4
    held = Copies(str(folder), 10_000).hold(uri)
    assert Path(held.path).read_bytes() == CONTENT
    held.close()


def test_an_absent_file_is_not_found(folder: Path) -> None:
    with pytest.raises(SlideNotFoundError, match="no such file on its store"):
        Copies(str(folder), 10_000).hold("memory://copies/absent")


def test_what_a_killed_process_left_is_replaced(folder: Path) -> None:
    store, uri = Copies(str(folder), 1500), put("a")
    held = store.hold(uri)
    copy = os.path.dirname(held.path)
    held.close()
    os.rename(copy, f"{copy}.unfinished")
    Path(f"{copy}.unfinished", "a").write_bytes(b"half")

    again = store.hold(uri)

    assert again.path == held.path
    assert Path(again.path).read_bytes() == CONTENT
    again.close()
    os.rename(copy, f"{copy}.unfinished")
    store.hold(put("b")).close()  # nobody waits for the half of a
    assert kept(folder) == ["b"]


def test_a_folder_of_others_is_refused(folder: Path) -> None:
    folder.parent.joinpath("file").touch()
    with pytest.raises(UnsupportedFormatError, match="has no room for one: "):
        Copies(str(folder.parent / "file"), 10_000).hold(put("a"))


def in_memory(path: Path) -> str:
    for one in [path, *path.with_suffix("").rglob("*")]:
        if one.is_file():
            fsspec.filesystem("memory").pipe_file(f"/scans/{one.relative_to(path.parent)}", one.read_bytes())
    return f"memory://scans/{path.name}"


def test_a_scan_that_only_openslide_reads_is_read_from_a_copy(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(folder))
    monkeypatch.setattr(copies, "_PIECE", 1 << 20)
    path = write_leica_slide(tmp_path / "slide.scn")
    uri = in_memory(path)
    with open_slide(str(path)) as local, open_slide(uri) as remote:
        assert isinstance(remote, OpenSlideReader)
        assert (remote.path, remote.pyramid) == (uri, local.pyramid)
        np.testing.assert_array_equal(remote.read_chunk(0, 0, 0).pixels, local.read_chunk(0, 0, 0).pixels)
    assert read_frame(uri).bounds == read_frame(str(path)).bounds
    assert kept(folder) == ["slide.scn"]

    monkeypatch.setenv(FOLDER, str(tmp_path / "others"))
    monkeypatch.setenv(GIGABYTES, "0")
    with pytest.raises(UnsupportedFormatError, match="can only be read from a copy"):
        open_slide(uri)


def test_a_mirax_is_copied_with_its_data_folder(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(folder))
    path = tmp_path / "slide 1.mrxs"
    bad_files.mirax_without_data(path)
    path.write_bytes(b"\xff\xd8\xff")  # a preview, as scanners write it
    uri = in_memory(path)
    with pytest.raises(SlideError) as local:
        open_slide(str(path))
    with pytest.raises(SlideError) as remote:
        open_slide(uri)

    assert "OpenSlide cannot read" in str(local.value)
    assert str(remote.value).replace(uri, str(path)) == str(local.value)
    assert kept(folder) == sorted([path.name, *(Path(one).name for one in list_files(uri.removesuffix(".mrxs")))])
