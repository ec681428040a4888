"""File systems of the output: on each, a file is whole or absent."""

import os
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.config.errors import ConfigurationError
from flows.storage.filesystem import OutputError, Storage
from flows.storage.parquet import TableWriter, read_table, write_table
from flows.storage.workspace import Workspace

TABLE = pa.table({"a": [1, 2, 3]})


@pytest.fixture(params=["folder", "file", "s3", "fsspec"])
def workspace(request, tmp_path) -> Workspace:
    if request.param == "s3":
        return Workspace.at(request.getfixturevalue("bucket").uri("out"))
    names = {"folder": tmp_path, "file": f"file://{tmp_path}/a%20b", "fsspec": f"memory://{tmp_path.name}"}
    return Workspace.at(str(names[request.param]))


def test_a_table_is_written_read_listed_and_removed(workspace) -> None:
    path = workspace.published("coverage", "x y.parquet")
    write_table(TABLE, path, workspace)
    assert read_table(path, workspace.files).equals(TABLE)
    assert workspace.names(workspace.published("coverage")) == ["x y.parquet"]
    workspace.remove(path)
    assert workspace.names(workspace.published("coverage")) == []
    assert workspace.names(workspace.published("nothing")) == []


def test_a_write_that_fails_half_way_publishes_nothing(workspace) -> None:
    path = workspace.published("coverage", "x.parquet")

    def fail() -> None:
        with TableWriter(path, TABLE.schema, workspace) as writer:
            writer.write(TABLE)
            raise OSError(5, "a slide's error")

    with pytest.raises(OSError, match="a slide's error"):
        fail()
    assert workspace.names(workspace.published("coverage")) == []
    write_table(TABLE, path, workspace)
    with pytest.raises(OSError, match="a slide's error"):
        fail()
    assert read_table(path, workspace.files).equals(TABLE)


def test_the_hidden_folder_is_removed_with_its_files(workspace) -> None:
    write_table(TABLE, workspace.between("grid", "x.parquet"), workspace)
    write_table(TABLE, Workspace.at(workspace.output).between("grid", "x.parquet"), workspace)
    workspace.tidy()
    assert workspace.names(workspace.published(".work")) == []
    assert workspace.names(workspace.between("grid")) == []
    workspace.tidy()


def test_an_object_of_several_parts_appears_at_once(bucket) -> None:
    workspace = Workspace.at(bucket.uri("out"))
    large = pa.table({"a": pa.array([os.urandom(1_000_003) for _ in range(30)], pa.binary())})
    with TableWriter(workspace.published("t.parquet"), large.schema, workspace) as writer:
        writer.write(large)
        assert bucket.objects("out") == {}
    assert bucket.table("out/t.parquet").equals(large)
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_a_pickled_storage_has_no_credentials(bucket) -> None:
    workspace = Workspace.at(bucket.uri("out"))
    shipped = pickle.dumps(workspace)
    assert b"tests" not in shipped  # neither key is
    write_table(TABLE, workspace.published("t.parquet"), workspace)
    files = pickle.loads(shipped).files  # noqa: S301 - our own
    assert pq.read_table(workspace.published("t.parquet"), filesystem=files).equals(TABLE)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (
            "s3://key:secret@bucket/out",
            "the URI has a user, a password, a fragment or an unusual character",
        ),
        ("nope://bucket/out", "'nope://bucket/out' cannot be used: Protocol not known: nope; give a folder, or a URI"),
        ("memory://", "'memory://' has no bucket or folder; add one"),
    ],
)
def test_an_unusable_output_is_refused(output, problem) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Storage.at(output)
    assert problem in str(refused.value)


def test_an_output_in_a_missing_bucket_tells_to_create_it_or_check_its_name(bucket) -> None:
    workspace = Workspace.at(bucket.uri("out").replace(bucket.name, "nobucket"))
    with pytest.raises(OutputError, match="hint: create the bucket or check its name, and region"):
        write_table(TABLE, workspace.published("coverage", "x.parquet"), workspace)
