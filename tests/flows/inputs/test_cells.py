"""Columns of a manifest that go through to the tables: kinds, cells and ids."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.inputs.cells import kind_of_column, plain_cell
from flows.inputs.discovery import discover, with_column_kinds
from tests.support.study import settings


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "0"], "integer"),
        (["1", "2.5", "1e3"], "number"),
        (["1", None, ""], "integer"),
        (["007", "1"], "text"),
        (["1", "b"], "text"),
        (["00.5"], "text"),
        (["+1"], "text"),
        ([str(2**63)], "number"),
        ([str(2**63 - 1)], "integer"),
        (["nan", "1"], "text"),
        (["true", "false"], "text"),
        ([None, ""], "text"),
        ([1, 2], "integer"),
        ([1, 2.5], "number"),
        ([2**60, 0.5], "text"),
        ([True, None], "boolean"),
        ([True, 1], "text"),
        ([float("nan"), 1], "integer"),
    ],
)
def test_a_column_has_the_narrowest_kind_of_all_its_cells(cells: list[Any], kind: str) -> None:
    assert kind_of_column("c", [plain_cell(cell) for cell in cells]) == kind


def test_a_date_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"^columns: when has the cell '2026-01-01' of type date; convert"):
        kind_of_column("when", [dt.date(2026, 1, 1)])


def manifest(folder: Path, text: str, **changes: Any) -> CoverageConfig:
    (folder / "m.csv").write_text(text)
    return CoverageConfig.model_validate(settings(folder, slides=str(folder / "m.csv"), **changes))


def found(config: CoverageConfig) -> list[tuple[str, tuple]]:
    """The id of each slide, without the digits of one that is made of the path, and its cells."""
    slides = discover(with_column_kinds(config)).table.to_pylist()
    return [(slide["slide_id"].rpartition("-")[0], tuple(json.loads(slide["cells"]).values())) for slide in slides]


CSV = "path,patient,fold,slide_id\nb.svs, P1 ,2,\na.svs,007,,S-1\n"


def test_cells_and_ids_go_with_their_slides(tmp_path: Path) -> None:
    config = with_column_kinds(manifest(tmp_path, CSV, columns=["fold", "patient"]))
    assert config.columns == {"fold": "integer", "patient": "text"}
    assert found(config) == [("S", (None, "007")), ("b", (2, "P1"))]


def test_a_kind_may_be_given(tmp_path: Path) -> None:
    assert found(manifest(tmp_path, CSV, columns={"fold": "text"})) == [("S", (None,)), ("b", ("2",))]
    with pytest.raises(ConfigurationError, match=r"patient in row 1 of manifest .* is ' P1 ', no integer; .*: text}"):
        found(manifest(tmp_path, CSV, columns={"patient": "integer"}))


def test_cells_of_parquet_keep_their_types(tmp_path: Path) -> None:
    table = pa.table({"path": ["a.svs"], "ok": [True], "age": pa.array([71.5]), "n": pa.array([3], pa.int8())})
    pq.write_table(table, tmp_path / "m.parquet")
    changes = {"slides": str(tmp_path / "m.parquet"), "columns": ["ok", "age", "n"]}
    config = with_column_kinds(CoverageConfig.model_validate(settings(tmp_path, **changes)))
    assert list(config.column_kinds.values()) == ["boolean", "number", "integer"]
    assert found(config) == [("a", (True, 71.5, 3))]


@pytest.mark.parametrize(
    ("text", "changes", "problem"),
    [
        (CSV, {"columns": ["label"]}, "has no column 'label', found .*; add it, or correct columns"),
        (CSV, {"columns": ["fold"], "keep": "fold == 'x'"}, "^keep: 'fold' is no column of text"),
        (CSV, {"columns": ["patient"], "keep": "patient > 3"}, "^keep: 'patient > 3' orders texts"),
        ("path,slide_id\na.svs,../x\n", {}, r"slide_id in row 1 of manifest .* is '\.\./x'; give up to 151 letters"),
        ("path,slide_id\na.svs,Empty\n", {}, r"slide_id in row 1 of manifest .* is 'Empty', the name of the file that"),
        ("path,slide_id\na.svs,Empty\n", {}, "slide_id in row 1"),
        ("path,slide_id\na.svs,X\nb.svs,x\n", {}, "'.*a.svs' and '.*b.svs' have the same slide_id 'x'; give each"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: str, changes: dict, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        found(manifest(tmp_path, text, **changes))


def test_columns_need_a_manifest(tmp_path: Path) -> None:
    config = CoverageConfig.model_validate(settings(tmp_path, columns=["patient"]))
    with pytest.raises(ConfigurationError, match=r"^columns: 'patient' is a column of a manifest, but slides names"):
        discover(with_column_kinds(config))


@pytest.mark.parametrize("name", ["tissue", "level0_x", "downsample", "Path", "annotation_path"])
def test_a_name_that_the_tables_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="has the same name as another column of the tables; rename it"):
        CoverageConfig.model_validate(settings(tmp_path, columns=[name]))
