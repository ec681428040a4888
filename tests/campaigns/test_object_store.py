"""Runs again and again into an S3-compatible store: pictures, incremental runs, failures, gone slides, masks."""

import time
from pathlib import Path
from typing import Any

import pytest

from flows.records.run_record import Summary
from tests.flows.test_detected_tissue import DETECT, write_stained
from tests.support import study
from tests.support.bucket import Bucket
from tests.support.study import contents, random_labels, truncate, write_mask, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def run(folder: Path, output: str, **changes: Any) -> Summary:
    result = study.run(folder, output=output, **changes).result(raise_on_failure=False)
    return result if isinstance(result, Summary) else result.summary


def tables_of_slides(bucket: Bucket, prefix: str) -> dict[str, Any]:
    objects = bucket.objects(prefix).items()
    return {name: found for name, found in objects if "/" in name and not name.startswith(".state/")}


def test_pictures_and_their_page_are_written_to_the_store(folder, bucket) -> None:
    write_study(folder, "a")
    run(folder, bucket.uri("out"), previews=True)
    previews = sorted(name for name in bucket.objects("out") if name.startswith("previews/"))
    assert [name.rsplit(".")[-1] for name in previews] == ["js", "png"]
    assert "index.html" in bucket.objects("out")
    before = tables_of_slides(bucket, "out")
    time.sleep(1)
    run(folder, bucket.uri("out"), previews=True)
    assert tables_of_slides(bucket, "out") == before
    run(folder, bucket.uri("out"))
    assert not [name for name in bucket.objects("out") if name.startswith(("previews", "index.html"))]


def test_unchanged_slides_are_not_written(folder, bucket) -> None:
    write_study(folder, "a", "b")
    run(folder, bucket.uri("out"))
    before = tables_of_slides(bucket, "out")
    assert len(before) == 4
    time.sleep(1)  # the store's clock counts seconds
    assert run(folder, bucket.uri("out")).unchanged == 2
    assert tables_of_slides(bucket, "out") == before

    write_study(folder / "more", "c")
    summary = run(folder, bucket.uri("out"))
    assert (summary.new, summary.unchanged) == (1, 2)
    after = tables_of_slides(bucket, "out")
    assert len(after) == 6
    assert after.items() > before.items()


def test_another_keep_writes_only_the_kept_tiles(folder, output, bucket) -> None:
    write_study(folder, "a", "b")
    run(folder, bucket.uri("out"))
    before = tables_of_slides(bucket, "out")
    summary = run(folder, bucket.uri("out"), keep="tumor > 0.4")
    after = tables_of_slides(bucket, "out")
    assert (summary.unchanged, after.keys()) == (2, before.keys())
    assert {name.split("/")[0] for name in after if after[name][0] != before[name][0]} == {"tiles"}
    run(folder, str(output), keep="tumor > 0.4")
    assert bucket.contents("out") == contents(output)


def test_a_failed_slide_leaves_the_tables_until_it_is_repaired(folder, bucket) -> None:
    write_study(folder, "a", "b")
    run(folder, bucket.uri("out"))
    whole = bucket.contents("out")
    mask = (folder / "a_tissue.tiff").read_bytes()
    truncate(folder / "a_tissue.tiff")
    assert run(folder, bucket.uri("out")).put_aside == 1
    assert len(tables_of_slides(bucket, "out")) == 2
    assert bucket.table("out/failures.parquet")["path"].to_pylist() == [f"{folder}/a.tiff"]
    write_mask(folder / "a_tissue.tiff", random_labels(0, (0, 255)))
    assert (folder / "a_tissue.tiff").read_bytes() == mask
    assert run(folder, bucket.uri("out"), changes="content").new == 1
    assert {name for name in bucket.contents("out") if "/" in name} == {name for name in whole if "/" in name}


def test_slides_that_are_gone_are_dropped_and_an_empty_folder_has_its_schema(folder, output, bucket) -> None:
    write_study(folder, "a")
    run(folder, bucket.uri("out"))
    for path in folder.iterdir():
        path.unlink()
    assert run(folder, bucket.uri("out"), gone="drop").gone == 1
    run(folder, str(output))
    assert bucket.contents("out") == contents(output)


def test_masks_lie_on_the_object_store_of_the_output(folder, bucket) -> None:
    write_stained(folder / "a.tiff")
    settings = {"overlays": DETECT, "tiling": {"mpp": 8, "tile_extent": 16}, "keep": "tissue > 0.5", "previews": True}
    assert run(folder, bucket.uri("out"), **settings).new == 1
    masks = [name for name in bucket.objects("out") if name.startswith("tissue/")]
    [table] = [name for name in bucket.contents("out") if name.startswith("coverage/")]
    rows = bucket.table(f"out/{table}").to_pylist()
    assert {row["tissue_path"] for row in rows} == {f"{bucket.name}/out/{masks[0]}"}
    assert {row["tissue"] for row in rows} >= {0.0, 1.0}
    before = bucket.objects("out")[masks[0]]
    assert run(folder, bucket.uri("out"), **settings).unchanged == 1
    assert bucket.objects("out")[masks[0]] == before


def by_folder(tables: dict[str, bytes]) -> dict[tuple[str, str], bytes]:
    """Key the tables of slides by their folder and file, in a subfolder or not."""
    parts = ((name.split("/"), content) for name, content in tables.items() if "/" in name)
    return {(names[0], names[-1]): content for names, content in parts}


def test_an_output_on_a_store_gets_subfolders_and_nothing_is_measured_again(folder, output, bucket) -> None:
    settings = {"overlays": DETECT, "tiling": {"mpp": 8, "tile_extent": 16}, "keep": "tissue > 0.5", "previews": True}
    write_stained(folder / "a.tiff")
    run(folder, bucket.uri("out"), **settings)
    flat, before = tables_of_slides(bucket, "out"), by_folder(bucket.contents("out"))
    write_stained(folder / "b.tiff", left=30)
    summary = run(folder, bucket.uri("out"), subfolders_from=2, **settings)
    assert (summary.new, summary.unchanged) == (1, 1)
    after = tables_of_slides(bucket, "out")
    assert [name for name in after if name.count("/") == 1] == [name for name in flat if name.startswith("tissue/")]
    assert before.items() < by_folder(bucket.contents("out")).items()
    run(folder, str(output), subfolders_from=2, **settings)
    assert contents(output).keys() == bucket.contents("out").keys()

    copied = next(name for name in after if name.startswith("coverage/"))  # and not removed by a run that was killed
    source, target = f"out/{copied}", f"out/coverage/{copied.split('/')[-1]}"
    bucket.client.copy_object(Bucket=bucket.name, Key=target, CopySource={"Bucket": bucket.name, "Key": source})
    bucket.client.delete_object(Bucket=bucket.name, Key="out/run.json")
    assert run(folder, bucket.uri("out"), **settings).unchanged == 2
    assert tables_of_slides(bucket, "out") == after
