"""A file that is replaced while it is measured gives no mixture of both."""

import os
from functools import partial

import pytest

from flows.records.fingerprints import ReplacedError, fingerprint, require_unchanged
from flows.records.output_files import OutputFiles
from flows.storage.parquet import read_table
from flows.storage.workspace import Workspace
from flows.tasks import compute_overlaps, derive_overlay_paths, discover_slides, select_slides, tile_slides
from tests.support.study import configured, failures, random_labels, run, write_mask, write_slide, write_study

state = partial(fingerprint, by_content=False)


def rewrite(path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(5, 5))


def swap(path) -> None:
    """Another file of the same size and mtime in its place."""
    before, other = path.stat(), path.with_suffix(".other")
    other.write_bytes(bytes(before.st_size))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


def append(path) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


@pytest.mark.parametrize("change", [rewrite, swap, append, os.unlink])
def test_a_change_while_measuring_is_an_error(tmp_path, change) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(b"pixels")
    with (
        pytest.raises(ReplacedError, match=r"a.tiff' changed while it was measured; hint: run again"),
        require_unchanged(str(path), [state(str(path))]),
    ):
        change(path)


def test_an_overlay_is_named_with_its_slide(tmp_path) -> None:
    path = tmp_path / "mask.tiff"
    path.write_bytes(b"pixels")
    with (
        pytest.raises(ReplacedError, match=r"the overlay '.*mask.tiff' of '/s/a.tiff' changed") as caught,
        require_unchanged("/s/a.tiff", [state(str(path))]),
    ):
        append(path)
    assert caught.value.path == "/s/a.tiff"


def test_a_change_before_measuring_is_an_error_too(tmp_path) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(b"pixels")
    before = state(str(path))
    append(path)
    with pytest.raises(ReplacedError), require_unchanged(str(path), [before]):
        pass


def test_files_that_stay_are_no_error(tmp_path) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(b"pixels")
    with require_unchanged(str(path), [state(str(path))]):
        path.read_bytes()


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("changes", ["time", "content"])
@pytest.mark.parametrize("name", ["a.tiff", "a_tissue.tiff"])
def test_a_file_replaced_between_the_tasks_puts_its_slide_aside(folder, output, name, changes) -> None:
    write_study(folder, "a", "b")
    config, workspace = configured(folder, changes=changes), Workspace.at(str(output))
    selected = select_slides(OutputFiles.of(workspace), config, workspace)
    slides = discover_slides(selected, config, workspace)
    grids = tile_slides(slides, config, workspace)
    overlays = derive_overlay_paths(slides, config, workspace)
    if name == "a.tiff":
        write_slide(folder / name, size=(96, 64))
    else:
        write_mask(folder / name, random_labels(9, (0, 255)))
    covered = compute_overlaps(grids, overlays, config, workspace)
    [failure] = read_table(workspace.failures(covered.task), workspace.files).to_pylist()
    assert (failure["path"], failure["error"]) == (f"{folder}/a.tiff", "ReplacedError")
    assert read_table(covered.path, workspace.files)["path"].to_pylist() == [f"{folder}/b.tiff"]
    assert len(os.listdir(output / "coverage")) == 1


@pytest.mark.usefixtures("local_ray", "server")
def test_a_study_that_nobody_touches_has_no_failures(folder, output) -> None:
    write_study(folder, "a")
    run(folder, changes="content")
    assert failures(output) == {}
