"""The flow over slides and overlays on a store that errs, is slow, cuts and hangs; and what a run makes of changes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.analysis.plan import plan_run
from flows.records.output_files import OutputFiles
from flows.records.run_record import Summary
from flows.storage.parquet import read_table
from flows.storage.workspace import Workspace
from flows.tasks import compute_overlaps, derive_overlay_paths, discover_slides, select_slides, tile_slides
from tests.flows.test_slides_on_a_store import put, rows
from tests.support import disturbed_proxy as proxies
from tests.support import study
from tests.support.bucket import Bucket
from tests.support.disturbed_proxy import Fault, Proxy, disturbed_proxy
from tests.support.leica import write_leica_slide
from tests.support.study import (
    SIZE,
    configured,
    failures,
    random_labels,
    settings,
    write_mask,
    write_slide,
    write_study,
)

pytestmark = pytest.mark.usefixtures("local_ray", "server")


@pytest.fixture
def proxy(s3: str) -> Iterator[Proxy]:
    with disturbed_proxy(s3) as found:
        yield found


@pytest.fixture
def disturbed(bucket: Bucket, proxy: Proxy) -> Bucket:
    """The bucket behind the proxy; its client goes past it."""
    return replace(bucket, address=proxy.address)


def run(folder: Path, **changes: Any) -> Summary:
    result = study.run(folder, **changes).result(raise_on_failure=False)
    return result if isinstance(result, Summary) else result.summary


@pytest.mark.parametrize(
    "fault", [proxies.status(500), proxies.status(503), proxies.slow, proxies.cut], ids=["500", "503", "slow", "cut"]
)
def test_errors_that_pass_change_no_row(
    folder: Path, output: Path, disturbed: Bucket, proxy: Proxy, fault: Fault
) -> None:
    write_study(folder, "a", "b")
    put(folder, disturbed)
    local = output.with_name("local")
    run(folder, output=str(local))
    proxy.faults[:] = [("", fault, 1)]

    summary = run(folder, slides=disturbed.uri("slides"))

    assert (summary.new, summary.put_aside) == (2, 0)
    assert max(proxy.requests.values()) > 1
    for table in ("coverage", "tiles"):
        assert rows(output, table) == rows(local, table)


def test_a_request_that_hangs_is_made_again(folder: Path, output: Path, disturbed: Bucket, proxy: Proxy) -> None:
    write_study(folder, "a")
    put(folder, disturbed)
    proxy.faults[:] = [("a_tissue", proxies.hang, 1)]

    assert run(folder, slides=disturbed.uri("slides")).new == 1


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (proxies.status(503), "5 tries failed, the last with OSError, HTTP status 503; hint: check"),
        (proxies.status(403), "OSError, HTTP status 403; hint: check the credentials in the environment"),
    ],
    ids=["503", "403"],
)
def test_an_error_that_stays_puts_its_slide_aside(
    folder: Path, output: Path, disturbed: Bucket, proxy: Proxy, fault: Fault, found: str
) -> None:
    write_study(folder, "a", "b")
    put(folder, disturbed)
    proxy.faults[:] = [("a_tissue.tiff", fault, 1000)]

    summary = run(folder, slides=disturbed.uri("slides"))

    assert (summary.new, summary.put_aside) == (1, 1)
    [(name, failure)] = failures(output).items()
    assert name.startswith("a.tiff?region=")
    assert found in failure[2]
    written = [path for path in output.rglob("*") if path.is_file()]
    assert not [path for path in written if b"AWS4-HMAC" in path.read_bytes() or b"Signature=" in path.read_bytes()]
    proxy.faults.clear()
    assert run(folder, slides=disturbed.uri("slides")).new == 1


def test_runs_again_and_again_over_a_bucket(folder: Path, output: Path, bucket: Bucket, s3_log: Path) -> None:
    write_study(folder, "a", "b")
    put(folder, bucket)
    uri = bucket.uri("slides")
    assert run(folder, slides=uri, previews=True).new == 2
    before = {path: path.read_bytes() for path in output.rglob("*.parquet") if path.name != "failures.parquet"}

    lines = len(s3_log.read_text().splitlines())
    assert run(folder, slides=uri, previews=True).unchanged == 2
    assert [line.split('"')[1].split()[0] for line in s3_log.read_text().splitlines()[lines:]] == ["GET"]  # a listing
    assert {path: path.read_bytes() for path in before} == before

    write_slide(folder / "a.tiff", size=(SIZE[0], 2 * SIZE[1]))
    write_mask(folder / "b_tissue.tiff", random_labels(7, (0, 255)))
    put(folder, bucket)
    assert plan_run(configured(folder, slides=uri)).counts["changed"] == 2
    assert run(folder, slides=uri, previews=True).changed == 2

    bucket.client.delete_object(Bucket=bucket.name, Key="slides/a.tiff")
    assert run(folder, slides=uri, previews=True, exclude=["a_*"]).gone == 1
    assert {Path(row["path"]).name.partition("?")[0] for row in pq.read_table(output / "coverage").to_pylist()} == {
        "a.tiff",
        "b.tiff",
    }


@pytest.mark.parametrize("name", ["a.tiff", "a_tissue.tiff"])
def test_an_object_replaced_between_the_tasks_puts_its_slide_aside(
    folder: Path, output: Path, bucket: Bucket, name: str
) -> None:
    write_study(folder, "a", "b")
    put(folder, bucket)
    config, workspace = configured(folder, slides=bucket.uri("slides")), Workspace.at(str(output))
    slides = discover_slides(select_slides(OutputFiles.of(workspace), config, workspace), config, workspace)
    grids = tile_slides(slides, config, workspace)
    overlays = derive_overlay_paths(slides, config, workspace)
    content = (folder / name).read_bytes()
    bucket.client.put_object(Bucket=bucket.name, Key=f"slides/{name}", Body=content + b" ")
    covered = compute_overlaps(grids, overlays, config, workspace)
    [failure] = read_table(workspace.failures(covered.task), workspace.files).to_pylist()
    assert (failure["path"], failure["error"]) == (bucket.uri("slides/a.tiff"), "ReplacedError")


def test_content_is_compared_by_its_hash(folder: Path, output: Path, bucket: Bucket) -> None:
    write_study(folder, "a")
    for _ in range(2):
        put(folder, bucket)
        summary = run(folder, slides=bucket.uri("slides"), changes="content")
    assert summary.unchanged == 1


def test_a_manifest_on_a_store_mixes_paths_and_uris(folder: Path, output: Path, bucket: Bucket) -> None:
    write_study(folder, "a b", "c")
    put(folder, bucket)
    cells = [
        ("path", "tissue", "annotation", "patient"),
        ("a b.tiff", "a b_tissue.tiff", str(folder / "a b_classes.ome.tiff"), "p1"),
        (str(folder / "c.tiff"), bucket.uri("slides/c_tissue.tiff"), "c_classes.ome.tiff", "p2"),
    ]
    text = "\n".join(",".join(row) for row in cells)
    bucket.client.put_object(Bucket=bucket.name, Key="slides/list.csv", Body=text.encode())
    overlays = settings(folder)["overlays"]
    for name, overlay in overlays.items():
        overlay["path"] = {"column": name}
    local = output.with_name("local")
    run(folder, output=str(local))

    summary = run(folder, slides=bucket.uri("slides/list.csv"), overlays=overlays, columns=["patient"])

    assert (summary.new, summary.put_aside) == (2, 0)
    assert rows(output, "coverage") == rows(local, "coverage")
    found = pq.read_table(output / "slides.parquet").to_pylist()
    assert {(row["path"], row["patient"]) for row in found} == {
        (bucket.uri("slides/a%20b.tiff"), "p1"), (str(folder / "c.tiff"), "p2"),
    }  # fmt: skip


def test_overlays_lie_in_another_bucket_or_on_this_machine(folder: Path, output: Path, bucket: Bucket) -> None:
    write_study(folder, "a 1")
    put(folder, bucket)
    overlays = settings(folder)["overlays"]
    overlays["tissue"]["path"] = f"{folder}/{{stem}}_tissue.tiff"
    overlays["annotation"]["path"] = bucket.uri("slides/{stem}_classes.ome.tiff")
    assert run(folder, slides=bucket.uri("slides/a%201.tiff"), overlays=overlays).new == 1
    assert run(folder, slides=str(folder / "a 1.tiff"), overlays=overlays, output=str(output) + "2").new == 1
    outside = {"tissue": {**overlays["tissue"], "path": "{dir}/../masks/{stem}.tiff"}}
    assert run(folder, slides=bucket.uri("slides/a%201.tiff"), overlays=outside).put_aside == 1
    assert [error for _, error, _ in failures(output).values()] == ["OverlayOutsideError"]


def test_every_task_and_export_takes_a_uri(folder: Path, output: Path, bucket: Bucket) -> None:
    write_study(folder, "a")
    write_leica_slide(folder / "scan.scn")
    put(folder, bucket)
    overlays = {"tissue": {"detect": "saturation"}}
    exports = {name: {} for name in ("csv", "qupath", "monai", "geoparquet", "clam", "trident", "heatmap", "dataset")}
    local = output.with_name("local")
    changes = {
        "overlays": overlays, "exclude": ["a_*"], "tiling": {"level": 0, "tile_extent": 16}, "keep": None,
        "previews": True, "exports": exports,
    }  # fmt: skip
    run(folder, output=str(local), **changes)

    summary = run(folder, slides=bucket.uri("slides"), **changes)

    assert (summary.new, summary.put_aside) == (2, 0)
    assert rows(output, "coverage") == rows(local, "coverage")
    assert len(list((output / "previews").rglob("*.png"))) == 2
    images = [entry["image"] for entry in json.loads((output / "exports/qupath/slides.json").read_text())]
    assert images == [bucket.uri("slides/a.tiff"), bucket.uri("slides/scan.scn")]
