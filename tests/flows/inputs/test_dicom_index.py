"""Series of DICOM files, kept from run to run; a file counts as it was while its size and time are the same."""

import json
import os
from pathlib import Path

import pytest

from flows.inputs.dicom_index import DicomIndex
from flows.inputs.discovery import discover
from flows.records.slide_description import identify
from flows.storage.workspace import STATE, Workspace
from ratiopath.errors import SlideNotFoundError
from tests.support.dicom import instance
from tests.support.study import configured

TISSUE = {"tissue": {"path": "{dir}/{stem}_mask.tiff"}}


@pytest.fixture
def slides(tmp_path) -> Path:
    """Two series, of two files and of one."""
    folder = tmp_path / "slides"
    folder.mkdir()
    for name, uid in {"a": b"1.2", "b": b"1.3", "c": b"1.2"}.items():
        (folder / f"{name}.dcm").write_bytes(instance(uid))
    return folder


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(str(tmp_path / "output"))


def replace_content(path: Path, content: bytes) -> None:
    """Write content of the same size, and give the file the time that it had."""
    state = path.stat()
    assert len(content) == state.st_size
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def read(slides: Path, workspace: Workspace) -> dict[str, str | None]:
    index = DicomIndex(workspace)
    found = {path.stem: index.series(str(path)) for path in sorted(slides.iterdir())}
    index.save()
    return found


def index_files(workspace: Workspace) -> dict[str, float]:
    folder = Path(workspace.published(STATE))
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.index")}


def test_a_file_is_read_again_only_after_it_has_changed(slides, workspace) -> None:
    assert read(slides, workspace) == {"a": "1.2", "b": "1.3", "c": "1.2"}
    kept = index_files(workspace)
    replace_content(slides / "b.dcm", instance(b"1.4"))
    assert read(slides, workspace) == {"a": "1.2", "b": "1.3", "c": "1.2"}
    assert index_files(workspace) == kept
    (slides / "b.dcm").write_bytes(instance(b"1.5"))
    assert read(slides, workspace)["b"] == "1.5"
    assert len(index_files(workspace)) == 1
    assert index_files(workspace).keys() != kept.keys()


def test_files_that_are_gone_leave_the_index(slides, workspace) -> None:
    read(slides, workspace)
    (slides / "b.dcm").unlink()
    read(slides, workspace)
    (slides / "b.dcm").write_bytes(instance(b"1.4"))
    assert read(slides, workspace)["b"] == "1.4"


def test_a_damaged_index_counts_as_absent(slides, workspace) -> None:
    read(slides, workspace)
    [name] = index_files(workspace)
    path = Path(workspace.published(STATE), name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    replace_content(slides / "b.dcm", instance(b"1.4"))
    assert read(slides, workspace)["b"] == "1.4"


def test_a_name_that_is_no_text_is_kept_too(slides, workspace) -> None:
    odd = os.fsdecode(os.fsencode(slides) + b"/\xff.dcm")
    Path(odd).write_bytes(instance(b"1.6"))
    read(slides, workspace)
    replace_content(Path(odd), instance(b"1.7"))
    assert DicomIndex(workspace).series(odd) == "1.6"


def test_by_content_each_file_is_read(slides, workspace) -> None:
    read(slides, workspace)
    replace_content(slides / "b.dcm", instance(b"1.4"))
    index = DicomIndex(workspace, by_content=True)
    assert index.series(str(slides / "b.dcm")) == "1.4"


def test_a_file_that_names_no_series_is_read_again(slides, workspace) -> None:
    content = (slides / "b.dcm").read_bytes()
    replace_content(slides / "b.dcm", bytes(len(content)))
    assert read(slides, workspace)["b"] is None
    replace_content(slides / "b.dcm", content)
    assert read(slides, workspace)["b"] == "1.3"


@pytest.mark.parametrize("seconds", [13_569_465_600, -1])
def test_a_time_that_no_table_holds_is_no_fault(slides, workspace, seconds: int) -> None:
    os.utime(slides / "b.dcm", (seconds, seconds))
    assert read(slides, workspace)["b"] == "1.3"
    replace_content(slides / "b.dcm", instance(b"1.4"))
    assert read(slides, workspace) == {"a": "1.2", "b": "1.4", "c": "1.2"}


def test_what_is_no_file_has_no_series(slides, workspace) -> None:
    (slides / "d.dcm").symlink_to("nowhere")
    os.mkfifo(slides / "e.dcm")
    found = read(slides, workspace)
    assert (found["d"], found["e"]) == (None, None)


def test_a_run_without_such_files_has_no_index(tmp_path, workspace) -> None:
    (tmp_path / "slides").mkdir()
    read(tmp_path / "slides", workspace)
    assert index_files(workspace) == {}


def test_a_slide_has_the_other_files_of_its_series(tmp_path, slides) -> None:
    (slides / "x.svs").touch()
    rows = discover(configured(tmp_path, slides=str(slides), overlays=TISSUE, keep=None)).table.to_pylist()
    others = {Path(row["path"]).name: row["instances"] for row in rows}
    state = (slides / "c.dcm").stat()
    expected = {"path": f"{slides}/c.dcm", "size": state.st_size, "mtime_ns": state.st_mtime_ns}
    assert others.keys() == {"a.dcm", "b.dcm", "x.svs"}
    assert json.loads(others["a.dcm"]) == [expected]
    assert (others["b.dcm"], others["x.svs"]) == (None, None)


def test_a_file_that_is_named_has_the_others_too(tmp_path, slides) -> None:
    config = configured(tmp_path, slides=str(slides / "c.dcm"), overlays=TISSUE, keep=None)
    [row] = discover(config).table.to_pylist()
    assert [one["path"] for one in json.loads(row["instances"])] == [f"{slides}/a.dcm"]


@pytest.mark.parametrize("changes", ["time", "content"])
def test_a_change_of_another_file_is_a_change_of_the_slide(tmp_path, slides, changes: str) -> None:
    config = configured(tmp_path, slides=str(slides), overlays=TISSUE, keep=None, changes=changes)
    digests = []
    for content in (instance(b"1.2"), instance(b"1.2"), instance(b"1.2") + b"pixels"):
        (slides / "c.dcm").write_bytes(content)
        os.utime(slides / "c.dcm", ns=(0, len(digests)))
        rows = discover(config).table.to_pylist()
        digests.append([identify(row, config)[1].get("data") for row in rows])
    (first, alone), (again, _), (changed, _) = digests
    assert (alone, first == again, again == changed) == (None, changes == "content", False)


def test_a_file_of_the_series_that_is_gone_is_named(tmp_path, slides) -> None:
    config = configured(tmp_path, slides=str(slides), overlays=TISSUE, keep=None, changes="content")
    row = discover(config).table.to_pylist()[0]
    (slides / "c.dcm").unlink()
    with pytest.raises(SlideNotFoundError, match=r"c\.dcm"):
        identify(row, config)
