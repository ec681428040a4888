"""A file of a gone slide that the storage does not give for a moment is kept, and its slide is named."""

from pathlib import Path
from typing import Any

import pytest

from flows.records.run_record import FinishedError, Summary
from tests.support import study
from tests.support.bucket import Bucket
from tests.support.study import write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


@pytest.fixture
def finished(tmp_path, bucket) -> Path:
    """Slides a and b, with their tables in the bucket; then slide a is gone."""
    folder = tmp_path / "slides"
    folder.mkdir()
    write_study(folder, "a", "b")
    study.run(folder, output=bucket.uri("out"), previews=True)
    for path in folder.glob("a*"):
        path.unlink()
    return folder


def run(folder: Path, bucket: Bucket, **changes: Any) -> Summary | FinishedError:
    result = study.run(folder, output=bucket.uri("out"), previews=True, **changes).result(raise_on_failure=False)
    assert isinstance(result, Summary | FinishedError), result
    return result


def key_of(slide: str, folder: str, bucket: Bucket) -> str:
    [found] = [
        name
        for name in bucket.contents("out")
        if name.startswith(f"{folder}/") and bucket.table(f"out/{name}")["path"][0].as_py().endswith(f"/{slide}")
    ]
    return f"out/{found}"


def archive(key: str, bucket: Bucket) -> bytes:
    """Move an object to a class of storage that lists it and gives its bytes to nobody; return the bytes."""
    content: bytes = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=content, StorageClass="GLACIER")
    return content


def restore(key: str, content: bytes, bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=content)


def tables(bucket: Bucket) -> set[str]:
    """List the files of slides, their pictures among them."""
    return {name for name in bucket.objects("out") if "/" in name and not name.startswith(".state/")}


def test_coverage_that_cannot_be_read_is_kept_and_named(finished, bucket) -> None:
    key, before = key_of("a.tiff", "coverage", bucket), tables(bucket)
    content = archive(key, bucket)
    result = run(finished, bucket)
    assert isinstance(result, FinishedError)
    [failure] = bucket.table("out/failures.parquet").to_pylist()
    assert (failure["path"], failure["error"]) == (f"{finished}/a.tiff", "UnreadError")
    assert failure["message"].startswith(f"'{bucket.name}/{key}' of a slide that is gone cannot be read: ")
    assert "INVALID_OBJECT_STATE" in failure["message"].upper() or "AWS Error" in failure["message"]
    assert "; it is kept; hint: check permissions and the storage, and run again" in failure["message"]
    assert key.removeprefix("out/") in tables(bucket)
    restore(key, content, bucket)
    again = run(finished, bucket)
    assert isinstance(again, Summary)
    assert (again.gone, tables(bucket)) == (1, before)


def test_files_that_cannot_be_read_at_all_are_kept_and_their_slide_is_named_once(finished, bucket) -> None:
    keys, before = [key_of("a.tiff", folder, bucket) for folder in ("coverage", "tiles")], tables(bucket)
    for key in keys:
        archive(key, bucket)
    result = run(finished, bucket, tolerate=1)
    assert isinstance(result, Summary)
    assert bucket.table("out/failures.parquet")["path"].to_pylist() == [f"{bucket.name}/{keys[0]}"]
    assert tables(bucket) == before


def test_tiles_without_coverage_that_cannot_be_read_are_kept_and_named(finished, bucket) -> None:
    bucket.client.delete_object(Bucket=bucket.name, Key=key_of("a.tiff", "coverage", bucket))
    key = key_of("a.tiff", "tiles", bucket)
    before = tables(bucket)
    archive(key, bucket)
    assert isinstance(run(finished, bucket), FinishedError)
    assert bucket.table("out/failures.parquet")["error"].to_pylist() == ["UnreadError"]
    assert tables(bucket) == before


def test_coverage_that_cannot_be_read_is_kept_where_gone_slides_are_dropped(finished, bucket) -> None:
    key = key_of("a.tiff", "coverage", bucket)
    content = archive(key, bucket)
    assert isinstance(run(finished, bucket, gone="drop"), Summary)
    assert key.removeprefix("out/") in tables(bucket)
    restore(key, content, bucket)
    run(finished, bucket, gone="drop")
    assert key.removeprefix("out/") not in tables(bucket)
