"""The state index: rows come back as they were added; a file that is damaged or of other settings counts as absent."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.state.state_index import StateIndex
from flows.storage.workspace import STATE, Workspace
from schemas.state import slide_state
from tests.support.study import configured

NUMBERS = {pa.int64(): 1, pa.float64(): 1.0, pa.string(): "x"}


def rows(*slides: str, **changes: Any) -> pa.Table:
    """Rows of slides, whose numbers are 1 unless they are given."""
    fields = slide_state(["tissue", "tumor", "stroma"]).arrow
    found = []
    for slide in slides:
        row = {field.name: NUMBERS.get(field.type, []) for field in fields}
        found.append(row | {"slide_id": slide, "path": f"/s/{slide}.tiff", "cells": "{}", "status": "new", **changes})
    return pa.Table.from_pylist(found, fields)


@pytest.fixture(params=["folder", "s3"])
def index(request, tmp_path) -> StateIndex:
    output = request.getfixturevalue("bucket").uri("out") if request.param == "s3" else str(tmp_path / "output")
    return StateIndex(configured(tmp_path / "slides"), Workspace.at(output))


@pytest.fixture
def local(tmp_path) -> StateIndex:
    return StateIndex(configured(tmp_path / "slides"), Workspace.at(str(tmp_path / "output")))


def files(index: StateIndex) -> list[Path]:
    return sorted(Path(index.workspace.root, STATE).iterdir())


def rewrite(file: Path, table: pa.Table, number: int = 1) -> None:
    """Put another table in the place of a file of the index, under the digest of its bytes."""
    file.unlink()
    pq.write_table(table, file)
    file.rename(file.with_name(f"{number:010d}-{hashlib.sha256(file.read_bytes()).hexdigest()}.index"))


def test_an_output_without_an_index_has_no_rows(index) -> None:
    assert index.read().num_rows == index.count() == 0


def test_rows_come_back_as_they_were_added(index) -> None:
    index.append(rows("a", "b", values=[("tissue", ["255", "0"])], notes=["n"], tissue_mean=None))
    index.append(rows("c"))
    expected = pa.concat_tables(
        [rows("a", "b", values=[("tissue", ["255", "0"])], notes=["n"], tissue_mean=None), rows("c")]
    )
    assert index.read().equals(expected)
    assert index.count() == 3


def test_of_two_rows_of_a_slide_the_later_one_counts(index) -> None:
    index.append(rows("a", "b", tiles=5))
    index.append(rows("a", tiles=7))
    assert dict(zip(*(index.read()[name].to_pylist() for name in ("slide_id", "tiles")), strict=True)) == {
        "a": 7,
        "b": 5,
    }


def test_all_rows_are_replaced(index) -> None:
    index.append(rows("a"))
    index.append(rows("b"))
    index.replace(rows("c"))
    assert index.read().equals(rows("c"))
    assert index.count() == 1
    index.replace(rows())
    assert index.read().num_rows == 0


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_file_counts_as_absent(local, keep) -> None:
    local.append(rows("a"))
    local.append(rows("b"))
    first = files(local)[0]
    content = first.read_bytes()
    first.write_bytes(content[: int(len(content) * keep)])
    assert local.read().equals(rows("b"))


def test_a_file_with_a_damaged_byte_counts_as_absent_wherever_it_is(local) -> None:
    local.append(rows("a"))
    [file] = files(local)
    content = file.read_bytes()
    for place in range(0, len(content), len(content) // 30):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        assert local.read().num_rows == 0, place
        assert local.count() == -1, place


def test_files_that_are_in_each_others_place_count_as_absent(local) -> None:
    local.append(rows("a"))
    local.append(rows("b"))
    local.append(rows("c"))
    first, second, _ = files(local)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert local.read().equals(rows("c"))


def test_rows_come_after_the_greatest_number_in_a_name(local) -> None:
    local.append(rows("a", tiles=1))
    [file] = files(local)
    rewrite(file, pq.read_table(file), 9_999_999_999)
    local.append(rows("a", tiles=2))
    assert local.read()["tiles"].to_pylist() == [2]
    local.replace(rows("b"))
    assert local.read().equals(rows("b"))
    assert len(files(local)) == 1


def test_what_is_no_file_stays_and_counts_as_absent(local) -> None:
    local.append(rows("a"))
    [file] = files(local)
    for number, digest in enumerate("abc", start=2):
        path = file.with_name(f"{number:010d}-{digest * 64}.index")
        os.mkfifo(path) if digest == "a" else path.symlink_to(file) if digest == "b" else path.mkdir()
    assert local.read().equals(rows("a"))
    local.replace(rows("b"))
    assert local.read().equals(rows("b"))
    assert len(files(local)) == 4


@pytest.mark.parametrize("change", [{"keep": "tissue >= 0.25"}, {"tiling": {"mpp": 0.5, "tile_extent": 8}}])
def test_rows_of_other_settings_do_not_count(local, tmp_path, change) -> None:
    local.append(rows("a"))
    other = StateIndex(configured(tmp_path / "slides", **change), local.workspace)
    assert other.read().num_rows == 0
    other.append(rows("b"))
    assert local.read().equals(rows("a"))


def test_rows_that_break_the_schema_do_not_count(local) -> None:
    local.append(rows("a"))
    [file] = files(local)
    table = pq.read_table(file)
    broken = table.set_column(table.column_names.index("tiles"), "tiles", pa.array([-1], pa.int64()))
    rewrite(file, broken)
    assert local.count() == 1
    assert local.read().num_rows == 0


def test_files_of_others_in_the_folder_stay(local) -> None:
    local.append(rows("a"))
    other = files(local)[0].parent / "notes.parquet"
    pq.write_table(rows("b"), other)
    assert local.read().equals(rows("a"))
    local.replace(rows("c"))
    assert other.exists()
    assert len(files(local)) == 2
