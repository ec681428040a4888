"""The flow with its output on an S3-compatible store: the same bytes as in a folder, and no extra writes."""

from pathlib import Path
from typing import Any

import pytest

from flows.records.run_record import Summary
from tests.support import study
from tests.support.bucket import Bucket
from tests.support.study import contents, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def run(folder: Path, output: str, **changes: Any) -> Summary:
    result = study.run(folder, output=output, **changes).result(raise_on_failure=False)
    return result if isinstance(result, Summary) else result.summary


def tables_of_slides(bucket: Bucket, prefix: str) -> dict[str, Any]:
    return {name: found for name, found in bucket.objects(prefix).items() if "/" in name}


def test_a_run_writes_the_bytes_of_a_local_run_and_leaves_nothing_else(folder, output, bucket) -> None:
    write_study(folder, "a", "b")
    summary = run(folder, bucket.uri("a%20b%20c"))
    assert (summary.new, summary.put_aside, summary.tiles) == (2, 0, 24)
    run(folder, str(output))
    prefix = "a b c"
    assert bucket.contents(prefix) == contents(output)
    hidden = {name for name in bucket.objects(prefix) if name.startswith(".state/")}
    assert len(hidden) == 1
    assert bucket.objects(prefix).keys() - hidden == contents(output).keys() | {"run.json"}


def test_a_store_without_the_bucket_fails_the_run(folder, bucket) -> None:
    write_study(folder, "a")
    state = study.run(folder, output=bucket.uri("out").replace(bucket.name, "nowhere"))
    assert (state.type.value, state.name) == ("FAILED", "Failed")
    assert "OutputError: cannot write 's3://nowhere" in state.message
