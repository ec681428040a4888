"""Files of a batch appear together, each whole and on the disk before it has its name."""

import os

import pytest

from flows.storage.filesystem import OutputError
from flows.storage.publication import Publication
from flows.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(str(tmp_path))


@pytest.fixture
def calls(monkeypatch) -> list[tuple[str, str]]:
    """Flushes and moves, in order, with the name of the file or folder."""
    seen = []

    def fsync(opened: int) -> None:
        seen.append(("flush", os.path.basename(os.readlink(f"/proc/self/fd/{opened}"))))

    def replace(beside: str, path: str) -> None:
        seen.append(("move", f"{os.path.basename(beside)} to {os.path.basename(path)}"))
        move(beside, path)

    move = os.replace
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    return seen


def write(workspace: Workspace, names: str, publication: Publication) -> None:
    for name in names:
        with workspace.atomic_write(workspace.published("out", name), publication) as file:
            file.write(name.encode())


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_files_appear_together_when_the_block_ends(tmp_path, workspace) -> None:
    with Publication() as publication:
        write(workspace, "ab", publication)
        assert not (tmp_path / "out").exists()
    assert content(tmp_path / "out") == {"a": b"a", "b": b"b"}
    assert os.listdir(workspace.hidden) == []


def test_every_file_is_flushed_before_any_is_moved_and_the_folder_once_after_all(workspace, calls) -> None:
    with Publication() as publication:
        write(workspace, "ab", publication)
    besides = [name for kind, name in calls[:2]]
    assert calls == [
        *(("flush", beside) for beside in besides),
        *(("move", f"{beside} to {name}") for beside, name in zip(besides, "ab", strict=True)),
        ("flush", "out"),
    ]


def test_files_between_tasks_are_not_flushed(workspace, calls) -> None:
    with workspace.atomic_write(workspace.between("parts", "x")) as file:
        file.write(b"x")
    assert [kind for kind, _ in calls] == ["move"]


def test_a_failed_block_publishes_no_file_and_leaves_none(tmp_path, workspace) -> None:
    with Publication() as publication:
        write(workspace, "a", publication)

    def fail() -> None:
        with Publication() as publication:
            write(workspace, "ab", publication)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert content(tmp_path / "out") == {"a": b"a"}
    assert os.listdir(workspace.hidden) == []


def test_a_file_that_fails_is_left_out(tmp_path, workspace) -> None:
    def fail(publication: Publication) -> None:
        with workspace.atomic_write(workspace.published("out", "b"), publication):
            raise ValueError

    with Publication() as publication:
        write(workspace, "a", publication)
        with pytest.raises(ValueError, match=r"^$"):
            fail(publication)
    assert content(tmp_path / "out") == {"a": b"a"}


def test_a_name_that_cannot_be_taken_is_an_error_of_the_output(workspace, tmp_path) -> None:
    def publish() -> None:
        with Publication() as publication:
            write(workspace, "a", publication)
            (tmp_path / "out" / "a").mkdir(parents=True)

    with pytest.raises(OutputError, match=r"cannot write '.*/out/a': Is a directory"):
        publish()
