"""Layout of an output: files are moved into subfolders once, each is there once at any time, and others' files stay."""

import json
from pathlib import Path

import pytest

from flows.config.errors import ConfigurationError
from flows.records.finished_output import FinishedOutput
from flows.records.output_layout import with_stored_layout
from flows.storage.listing import list_names
from flows.storage.workspace import Workspace
from flows.tasks.settle_layout import settle_layout
from tests.support.finished import HandmadeSlide, write_output

A, B = "a-3f00000000aa", "b-0700000000bb"
FLAT = {
    f"{folder}/{A}{suffix}": f"{A} in {folder}{suffix}".encode()
    for folder, suffix in [("coverage", ".parquet"), ("tiles", ".parquet"), ("previews", ".png"), ("previews", ".js")]
}
OTHERS = dict.fromkeys(
    ["coverage/mine.parquet", "coverage/empty.parquet", f"coverage/{A}.csv", "coverage/3f/notes.txt",
     "previews/S-1.png", f"previews/{A}.jpg", f"tiles/3f/{B}.parquet", f"tissue/{A}.tiff"], b"others"
)  # fmt: skip
"""Files that are not moved: of other programs, and a mask."""
RECORD = {"configuration": {}, "counts": {}, "layout": "flat"}


@pytest.fixture(params=["folder", "s3", "fsspec"])
def workspace(request, tmp_path) -> Workspace:
    if request.param == "s3":
        return Workspace.at(request.getfixturevalue("bucket").uri("out"))
    return Workspace.at(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")


def write(files: dict[str, bytes], workspace: Workspace) -> None:
    for name, content in files.items():
        with workspace.atomic_write(workspace.published(*name.split("/"))) as file:
            file.write(content)


def write_record(layout: str, workspace: Workspace) -> None:
    write({"run.json": json.dumps(RECORD | {"layout": layout}).encode()}, workspace)


def settled(workspace: Workspace, found: int) -> Workspace:
    """Settle the layout as a run does that has found so many slides, of an output that has subfolders from 3 on."""
    return settle_layout(with_stored_layout(workspace), found, 3)


def stored(workspace: Workspace) -> dict[str, bytes]:
    """Read the files of the output's folders."""
    found = {}
    for folder in ("coverage", "tiles", "previews", "tissue"):
        for name, subfolder in list_names(workspace, workspace.published(folder)):
            place = f"{folder}/{subfolder}/{name}" if subfolder else f"{folder}/{name}"
            with workspace.files.open_input_file(workspace.published(place)) as file:
                found[place] = file.read()
    return found


def below(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace("/", "/3f/", 1): content for name, content in files.items()}


def test_an_output_of_few_slides_stays_flat(workspace) -> None:
    write(FLAT, workspace)
    assert settled(workspace, 2).layout == "flat"
    assert stored(workspace) == FLAT


def test_files_of_slides_are_moved_once_there_are_many_and_those_of_others_stay(workspace) -> None:
    write(FLAT | OTHERS, workspace)
    write_record("flat", workspace)
    assert settled(workspace, 3).layout == "subfolders"
    assert stored(workspace) == below(FLAT) | OTHERS
    with workspace.files.open_input_file(workspace.published("run.json")) as file:
        assert json.loads(file.read()) == RECORD | {"layout": "mixed"}


@pytest.mark.parametrize("has_record", [True, False])
def test_a_run_that_was_killed_while_it_moved_files_is_continued(workspace, has_record) -> None:
    first = dict(list(FLAT.items())[:1])
    copied = {name: content for name, content in FLAT.items() if name.startswith("tiles")}  # not removed yet
    write(FLAT | below(first | copied), workspace)
    workspace.remove(workspace.published(*next(iter(first)).split("/")))
    if has_record:
        write_record("mixed", workspace)
    assert with_stored_layout(workspace).layout == "mixed"
    assert settled(workspace, 0).layout == "subfolders"
    assert stored(workspace) == below(FLAT)


def test_a_file_that_differs_from_the_one_in_its_place_stays(workspace) -> None:
    write(FLAT | below(dict.fromkeys(FLAT, b"newer")), workspace)
    settled(workspace, 3)
    assert stored(workspace) == FLAT | below(dict.fromkeys(FLAT, b"newer"))


def test_an_output_keeps_its_subfolders(workspace) -> None:
    write_record("subfolders", workspace)
    assert settled(workspace, 0).layout == "subfolders"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"layout": "other"}', b'{"layout": []}'])
def test_without_a_readable_record_the_folders_tell(tmp_path, content) -> None:
    workspace = Workspace.at(str(tmp_path))
    write({"run.json": content}, workspace)
    assert with_stored_layout(workspace).layout == "flat"
    write({f"tissue/3f/{B}.tiff": b"x", "tissue/3f/notes.txt": b"x"}, workspace)  # neither is in its subfolder
    assert with_stored_layout(workspace).layout == "flat"
    write({f"tissue/3f/{A}.tiff": b"x"}, workspace)
    assert with_stored_layout(workspace).layout == "mixed"


def test_a_link_is_refused_before_any_file_is_moved(tmp_path) -> None:
    workspace, target = Workspace.at(str(tmp_path / "out")), tmp_path / "elsewhere"
    write(FLAT, workspace)
    target.write_bytes(b"")
    link = Path(workspace.published("coverage", f"{B}.parquet"))
    link.symlink_to(target)
    with pytest.raises(ConfigurationError, match=rf"{B}\.parquet' is a link, and cannot be moved .*; remove it"):
        settled(workspace, 3)
    assert stored(workspace) == FLAT
    link.unlink()
    settled(workspace, 3)
    assert stored(workspace) == below(FLAT)


def test_a_finished_output_finds_each_table_while_files_are_moved(tmp_path) -> None:
    slides = [HandmadeSlide(f"/s/{name}.tiff", 1, {"tissue": [0.5]}, [True]) for name in "abc"]
    flat = write_output(tmp_path / "out", slides)
    ids = flat.slides["slide_id"].to_pylist()
    expected = [flat.tiles(one) for one in ids]
    settled(flat.storage, 3)
    path = Path(flat.storage.root) / "tiles" / ids[0][-12:-10] / f"{ids[0]}.parquet"
    path.rename(tmp_path / "out" / "tiles" / path.name)
    mixed = FinishedOutput.open(str(tmp_path / "out"))
    assert mixed.ids_in("tiles") == set(ids)
    assert [mixed.tiles(one) for one in ids] == expected
    assert list(mixed.tile_counts(ids)) == [1, 1, 1]
