"""Parquet files: whole or absent, and the same bytes for the same rows."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.storage.filesystem import OutputError
from flows.storage.parquet import TableWriter, row_groups, write_json, write_table
from flows.storage.workspace import Workspace

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace.at(str(tmp_path))


def test_a_table_appears_whole_under_its_name_and_no_other_file_appears(tmp_path, workspace) -> None:
    write_table(TABLE, workspace.published("out", "t.parquet"), workspace)
    assert pq.read_table(tmp_path / "out" / "t.parquet").equals(TABLE)
    assert os.listdir(tmp_path / "out") == ["t.parquet"]
    assert os.listdir(workspace.hidden) == []


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, workspace) -> None:
    path = workspace.published("t.parquet")
    write_table(TABLE, path, workspace)

    def write_half() -> None:
        with TableWriter(path, TABLE.schema, workspace) as writer:
            writer.write(TABLE)
            writer.write(pa.table({"c": [1]}))

    with pytest.raises(ValueError, match="schema does not match"):
        write_half()
    assert pq.read_table(path).equals(TABLE)
    assert os.listdir(workspace.hidden) == []


def test_the_same_rows_give_the_same_bytes(tmp_path, workspace) -> None:
    contents = []
    for name in ("a", "b"):
        write_table(TABLE, f"{tmp_path}/{name}", workspace)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_an_empty_table_has_its_schema_and_no_row_group(tmp_path, workspace) -> None:
    write_table(TABLE.slice(0, 0), f"{tmp_path}/t", workspace)
    assert pq.read_table(tmp_path / "t").schema.equals(TABLE.schema)
    assert pq.read_metadata(tmp_path / "t").num_row_groups == 0


def test_row_groups_and_metadata_are_kept(tmp_path, workspace) -> None:
    schema = TABLE.schema.with_metadata({"k": "v"})
    with TableWriter(f"{tmp_path}/all", schema, workspace) as writer:
        for number in range(3):
            writer.write(TABLE.slice(number, 1))
    assert writer.rows == 3
    assert pq.read_table(tmp_path / "all").equals(TABLE)
    assert pq.read_schema(tmp_path / "all").metadata == {b"k": b"v"}
    assert [group.num_rows for group in row_groups(f"{tmp_path}/all", workspace.files)] == [1, 1, 1]


def test_an_error_of_the_output_folder_is_no_error_of_a_slide(tmp_path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace.at(f"{tmp_path}/file")
    for write in (
        lambda: write_table(TABLE, f"{tmp_path}/file/t.parquet", workspace),
        lambda: write_json({}, f"{tmp_path}/t.json", workspace),
    ):
        with pytest.raises(OutputError, match=r"cannot write .*; hint: check space and permissions"):
            write()
