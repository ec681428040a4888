"""Slides that the state index knows: none of their files is opened, and without the index the run gives the same."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.records.run_record import Summary
from flows.tasks.select_slides import parts_of
from tests.support.study import contents, names, random_labels, run, truncate, write_mask, write_slide, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")
NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture(scope="module")
def saved(tmp_path_factory, local_ray, server) -> Path:
    """A study of five slides and its output, written in one part."""
    root = tmp_path_factory.mktemp("saved") / "study"
    (root / "slides").mkdir(parents=True)
    write_study(root / "slides", *NAMES)
    counts(root)
    return root


@pytest.fixture
def study(saved) -> Iterator[Path]:
    copy = shutil.copytree(saved, saved.parent / "copy")
    yield saved
    shutil.rmtree(saved)
    copy.rename(saved)


def counts(root: Path, **changes: Any) -> tuple[int, ...]:
    result = run(root / "slides", **changes).result(raise_on_failure=False)
    summary = result if isinstance(result, Summary) else result.summary
    return summary.new, summary.changed, summary.unchanged, summary.put_aside, summary.gone


def tables(root: Path) -> dict[str, bytes]:
    return contents(root / "output")


def index(root: Path) -> list[Path]:
    return sorted((root / "output" / ".state").iterdir())


def file_of(root: Path, slide: str, folder: str = "coverage") -> Path:
    [found] = (root / "output" / folder).glob(f"{slide}-*")
    return found


def damage(path: Path, *, unnoticed: bool = False) -> None:
    """Change a byte of the first page of a table; unnoticed: with the same time."""
    state, content = path.stat(), bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    if unnoticed:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_the_index_is_one_file_after_a_run(saved) -> None:
    [file] = index(saved)
    assert pq.read_table(file)["path"].to_pylist() == [f"{saved}/slides/{name}.tiff" for name in NAMES]


def test_files_that_the_index_knows_are_not_opened(study) -> None:
    before = tables(study)
    for path in (file_of(study, "a"), file_of(study, "b", "tiles")):
        damage(path, unnoticed=True)
    damaged = tables(study)
    assert counts(study) == (0, 0, 5, 0, 0)
    assert tables(study) == damaged != before
    shutil.rmtree(study / "output" / ".state")  # every file is read, and the damage found
    assert counts(study)[3:] == (0, 0)
    assert tables(study) == before


def test_without_the_index_the_tables_are_the_same(study) -> None:
    before = tables(study)
    shutil.rmtree(study / "output" / ".state")
    assert counts(study) == (0, 0, 5, 0, 0)
    assert tables(study) == before
    assert len(index(study)) == 1


@pytest.mark.parametrize("folder", ["coverage", "tiles"])
def test_a_file_with_another_time_is_read_again(study, folder) -> None:
    before = tables(study)
    os.utime(file_of(study, "a", folder))
    damage(file_of(study, "b", folder))
    file_of(study, "c", folder).unlink()
    assert counts(study)[3:] == (0, 0)
    assert tables(study) == before


def test_a_torn_index_costs_only_time(study) -> None:
    before = tables(study)
    truncate(index(study)[0])
    assert counts(study) == (0, 0, 5, 0, 0)
    assert tables(study) == before


def test_an_index_of_another_output_is_not_believed(study, tmp_path) -> None:
    other = shutil.copytree(study, tmp_path / "other")
    write_mask(other / "slides" / "a_tissue.tiff", random_labels(50, (0, 255)))
    assert counts(other) == (5, 0, 0, 0, 5)
    shutil.rmtree(study / "output" / ".state")
    shutil.copytree(other / "output" / ".state", study / "output" / ".state")
    before = tables(study)
    assert counts(study) == (0, 0, 5, 0, 0)
    assert tables(study) == before


def test_an_old_index_is_not_believed(study) -> None:
    [old] = index(study)
    kept = old.read_bytes()
    write_mask(study / "slides" / "a_tissue.tiff", random_labels(51, (0, 255)))
    assert counts(study) == (0, 1, 4, 0, 0)
    before = tables(study)
    for path in index(study):
        path.unlink()
    old.write_bytes(kept)
    assert counts(study) == (0, 0, 5, 0, 0)
    assert tables(study) == before


def test_only_new_slides_go_through_the_tasks(study) -> None:
    write_study(study / "slides" / "more", "f")
    assert counts(study) == (1, 0, 5, 0, 0)
    assert names(study / "output", "slides.parquet") == {f"{name}.tiff" for name in (*NAMES, "f")}
    assert len(pq.read_table(index(study)[0])) == 6


def test_a_gone_slide_is_carried_and_comes_back(study) -> None:
    for path in (study / "slides").glob("a*"):
        path.rename(study / path.name)
    assert counts(study) == (0, 0, 4, 0, 1)
    damage(file_of(study, "a"), unnoticed=True)
    assert counts(study) == (0, 0, 4, 0, 1)
    for path in study.glob("a*"):
        path.rename(study / "slides" / path.name)
    assert counts(study) == (0, 0, 5, 0, 0)


def test_a_failed_slide_leaves_the_index(study) -> None:
    truncate(study / "slides" / "a.tiff", 0.01)
    assert counts(study) == (0, 0, 4, 1, 0)
    assert len(pq.read_table(index(study)[0])) == 4
    assert counts(study) == (0, 0, 4, 1, 0)


def test_parts_give_the_tables_of_one_run(study, monkeypatch) -> None:
    before = tables(study)
    shutil.rmtree(study / "output")
    truncate(write_slide(study / "slides" / "bad.tiff"), 0.01)
    monkeypatch.setattr(sys.modules[parts_of.__module__], "SLIDES_PER_PART", 2)
    assert counts(study) == (5, 0, 0, 1, 0)
    after = tables(study)
    assert {name for name in before if before[name] != after[name]} == {"failures.parquet"}
    assert len(index(study)) == 1
