"""Incremental runs: a slide whose files are current is neither opened nor written."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.records.run_record import Summary
from tests.support import study
from tests.support.study import MASK_SIZE, random_labels, settings, truncate, write_mask, write_slide, write_study

OVERLAYS = settings(Path("/"))["overlays"]
OTHER_CLASSES = {
    "tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [0]}},
    "annotation": {"path": "{dir}/{stem}_classes.ome.tiff", "classes": {"any": [1, 2, 3]}},
}

pytestmark = pytest.mark.usefixtures("local_ray", "server")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two slides that were never run."""
    (tmp_path / "slides").mkdir()
    write_study(tmp_path / "slides", "a", "b")
    return tmp_path / "slides"


@pytest.fixture(scope="module")
def saved(tmp_path_factory, local_ray, server) -> Path:
    """A study of two slides and its output."""
    root = tmp_path_factory.mktemp("saved") / "study"
    (root / "slides").mkdir(parents=True)
    write_study(root / "slides", "a", "b")
    run(root / "slides")
    return root


@pytest.fixture
def finished(saved) -> Iterator[Path]:
    """Two slides with their output, as one run left them; at the same place each time, on which ids depend."""
    copy = shutil.copytree(saved, saved.parent / "copy")
    yield saved / "slides"
    shutil.rmtree(saved)
    copy.rename(saved)


def run(folder: Path, **changes: Any) -> Summary:
    result = study.run(folder, **changes).result(raise_on_failure=False)
    return result if isinstance(result, Summary) else result.summary


def counts(summary: Summary) -> tuple[int, ...]:
    assert not summary.recomputed
    return summary.new, summary.changed, summary.unchanged, summary.put_aside, summary.gone


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and inode of each slide's files; a file with the same inode was not replaced."""
    output = folder.parent / "output"
    return {
        f"{table}/{pq.read_table(path)['path'][0].as_py().rpartition('/')[2]}": (path.read_bytes(), path.stat().st_ino)
        for table in ("coverage", "tiles")
        for path in (output / table).iterdir()
    }


def replaced(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in after if before.get(name, (None, None))[1] != after[name][1]}


def unreadable(path: Path) -> None:
    """Overwrite a file with zeros of the same size and time, so that opening it fails."""
    state = path.stat()
    path.write_bytes(b"\0" * state.st_size)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_an_unchanged_slide_is_not_opened(folder) -> None:
    output = folder.parent / "output"
    assert counts(run(folder, previews=True)) == (2, 0, 0, 0, 0)
    before, slides = files(folder), (output / "slides.parquet").read_bytes()
    for path in folder.iterdir():
        unreadable(path)
    assert counts(run(folder, previews=True)) == (0, 0, 2, 0, 0)
    assert files(folder) == before
    assert (output / "slides.parquet").read_bytes() == slides
    assert len(list((output / "previews").glob("*.png"))) == 2
    assert counts(run(folder, previews=True, force=True)) == (0, 0, 0, 2, 0)
    assert not (output / "previews").exists()


def test_a_new_slide_is_added_and_the_others_are_left_alone(finished) -> None:
    before = files(finished)
    write_study(finished / "more", "c")
    assert counts(run(finished)) == (1, 0, 2, 0, 0)
    assert replaced(before, files(finished)) == {"coverage/c.tiff", "tiles/c.tiff"}


@pytest.mark.parametrize("what", ["a.tiff", "a_tissue.tiff", "a_classes.ome.tiff"])
def test_a_file_replaced_in_place_is_noticed(finished, what) -> None:
    before, state = files(finished), (finished / what).stat()
    content = (finished / what).read_bytes()
    (finished / what).write_bytes(content)  # same name, same size
    os.utime(finished / what, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert counts(run(finished)) == (0, 1, 1, 0, 0)
    assert replaced(before, files(finished)) == {"coverage/a.tiff", "tiles/a.tiff"}


def test_by_content_a_new_time_is_no_change_and_new_content_is(folder) -> None:
    run(folder, changes="content")
    os.utime(folder / "a_tissue.tiff", ns=(1, 1))
    assert counts(run(folder, changes="content")) == (0, 0, 2, 0, 0)
    state = (folder / "a_tissue.tiff").stat()
    write_mask(folder / "a_tissue.tiff", random_labels(99, (0, 255), MASK_SIZE))
    os.utime(folder / "a_tissue.tiff", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert counts(run(folder, changes="content")) == (0, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"roi": [0, 0, 8, 8]}, (0, 2, 0, 0, 0)),
        ({"overlays": OTHER_CLASSES}, (0, 2, 0, 0, 0)),
        ({"overlays": dict(reversed(OVERLAYS.items()))}, (0, 2, 0, 0, 0)),  # another order of columns
        ({"tiling": {"mpp": 0.5, "tile_extent": 8}}, (2, 0, 0, 0, 0)),  # other tiles, other ids: the old ones go
    ],
)
def test_another_configuration_recomputes_only_the_slides_it_affects(finished, tmp_path, changes, expected) -> None:
    assert counts(run(finished, **changes)) == expected
    incremental = files(finished)
    run(finished, force=True, **changes)
    assert {name: content for name, (content, _) in files(finished).items()} == {
        name: content for name, (content, _) in incremental.items()
    }


def test_force_counts_slides_as_recomputed(finished) -> None:
    summary = run(finished, force=True)
    assert (summary.new, summary.changed, summary.recomputed, summary.unchanged) == (0, 0, 2, 0)
    assert "0 changed, 2 recomputed, 0 unchanged" in str(summary)


@pytest.mark.parametrize(
    "changes",
    [
        {"tiling": {"mpp": 0.5, "tile_extent": [16, 16], "stride": 16}},
        {"roi": [0, 0, 16, 16]},
        {"roi": "POLYGON ((16 0, 16 16, 0 16, 0 0, 16 0))"},
    ],
)
def test_the_same_settings_in_other_words_change_nothing(finished, changes) -> None:
    before = files(finished)
    assert counts(run(finished, **changes)) == (0, 0, 2, 0, 0)
    assert files(finished) == before


def test_another_keep_filters_the_stored_fractions(finished) -> None:
    before = files(finished)
    for path in finished.iterdir():
        unreadable(path)
    summary = run(finished, keep="tumor > 0.4")
    assert counts(summary) == (0, 0, 2, 0, 0)
    assert replaced(before, files(finished)) == {"tiles/a.tiff", "tiles/b.tiff"}
    kept = pq.read_table(finished.parent / "output" / "tiles")
    assert 0 < kept.num_rows == summary.kept
    assert min(kept["tumor"].to_pylist()) > 0.4


def test_slides_that_are_gone_are_reported_and_dropped_on_demand(finished) -> None:
    for path in finished.glob("a*"):
        path.unlink()
    assert counts(run(finished)) == (0, 0, 1, 0, 1)
    assert {"coverage/a.tiff", "tiles/a.tiff"} < files(finished).keys()
    assert json.loads((finished.parent / "output" / "run.json").read_text())["gone"] == [f"{finished}/a.tiff"]
    run(finished, keep=None)
    assert pq.read_table(finished.parent / "output" / "tiles").num_rows == 24  # of the gone slide too
    assert counts(run(finished, gone="drop")) == (0, 0, 1, 0, 1)
    assert files(finished).keys() == {"coverage/b.tiff", "tiles/b.tiff"}
    assert counts(run(finished)) == (0, 0, 1, 0, 0)


def test_a_failed_slide_is_tried_again(folder) -> None:
    whole = (folder / "a_tissue.tiff").read_bytes()
    truncate(folder / "a_tissue.tiff")
    assert counts(run(folder)) == (1, 0, 0, 1, 0)
    assert counts(run(folder)) == (0, 0, 1, 1, 0)
    (folder / "a_tissue.tiff").write_bytes(whole)
    assert counts(run(folder)) == (1, 0, 1, 0, 0)
    assert pq.read_table(folder.parent / "output" / "failures.parquet").num_rows == 0


def test_a_file_without_provenance_or_cut_short_is_recomputed(finished) -> None:
    before = files(finished)
    tables = sorted((finished.parent / "output" / "coverage").iterdir())
    pq.write_table(pq.read_table(tables[0]).replace_schema_metadata({}), tables[0])
    truncate(tables[1])
    summary = run(finished)
    assert (summary.new, summary.unchanged) == (2, 0)
    assert {name: content for name, (content, _) in files(finished).items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_a_table_with_damaged_pages_is_recomputed_in_the_same_run(finished) -> None:
    tables = (finished.parent / "output" / "coverage").iterdir()
    [path] = [one for one in tables if "b.tiff" in str(pq.read_table(one)["path"])]
    content = bytearray(path.read_bytes())
    content[8:48] = b"\xff" * 40
    path.write_bytes(content)
    assert counts(run(finished, keep=None)) == (1, 0, 1, 0, 0)
    assert counts(run(finished, keep=None)) == (0, 0, 2, 0, 0)


def test_a_slide_that_grew_gets_its_new_grid(finished) -> None:
    write_slide(finished / "a.tiff", size=(96, 64))
    summary = run(finished)
    assert counts(summary) == (0, 1, 1, 0, 0)
    assert summary.tiles == 24 + 12
