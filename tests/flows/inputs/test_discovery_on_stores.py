"""Discovery of slides on stores: folders, globs, overlays of others, excluded files and manifests."""

from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.config.errors import ConfigurationError
from flows.inputs.discovery import discover
from flows.inputs.manifest import read_manifest
from flows.records.input_states import InputStates
from tests.support.bucket import Bucket
from tests.support.study import configured

TISSUE = {"tissue": {"path": "{dir}/{stem}_mask.tiff"}}
TOP = "memory://discovery"


def put(*names: str, content: bytes = b"") -> None:
    for name in names:
        fsspec.filesystem("memory").pipe_file(f"/discovery/{name}", content)


@pytest.fixture(autouse=True)
def empty() -> None:
    if fsspec.filesystem("memory").exists("/discovery"):
        fsspec.filesystem("memory").rm("/discovery", recursive=True)


def found(folder: Path, slides: object = TOP, **changes: object) -> list[str]:
    config = configured(folder, **{"slides": slides, "overlays": TISSUE, "keep": None, **changes})
    return [path.removeprefix(f"{TOP}/") for path in discover(config).table["path"].to_pylist()]


def test_overlays_of_other_files_and_masks_of_a_run_are_no_slides(tmp_path: Path) -> None:
    put("a.svs", "a_mask.tiff", "b_mask.tiff", "out/tissue/a-0123456789ab.tiff")

    assert found(tmp_path, output=f"{TOP}/out") == ["a.svs", "b_mask.tiff"]


def test_files_are_excluded_below_the_folder(tmp_path: Path) -> None:
    put("a.svs", "old/a.svs", "x/old/a.svs")

    assert found(tmp_path, exclude=["old/*.svs"]) == ["a.svs", "x/old/a.svs"]
    assert found(tmp_path, [TOP, f"{TOP}/**/*.svs"], exclude=["old"]) == ["a.svs"]
    with pytest.raises(ConfigurationError, match="is in none of the slide folders, 'memory://discovery/'"):
        found(tmp_path, exclude=["/data/*"])


def test_places_of_both_kinds_are_one_run(tmp_path: Path) -> None:
    put("a.svs")
    (tmp_path / "b.svs").touch()

    assert found(tmp_path, [TOP, str(tmp_path)]) == [f"{tmp_path}/b.svs", "a.svs"]


def test_a_bucket_is_listed_once_for_slides_and_states(tmp_path: Path, bucket: Bucket, s3_log: Path) -> None:
    for name in ("a.svs", "a_mask.tiff", "sub/b.svs", "bad//c.svs"):
        bucket.client.put_object(Bucket=bucket.name, Key=f"slides/{name}", Body=b"x")
    before = len(s3_log.read_text().splitlines())
    states = InputStates()
    config = configured(tmp_path, slides=bucket.uri("slides"), overlays=TISSUE, keep=None)

    found = discover(config, states.files)
    paths, failures = found.table["path"].to_pylist(), found.failures
    sizes = [states.fingerprint(path)["size"] for path in paths]

    assert len(s3_log.read_text().splitlines()) == before + 1
    assert (paths, sizes) == (
        [bucket.uri("slides/a.svs"), bucket.uri("slides/sub/b.svs")],
        [1, 1],
    )
    assert [failure["error"] for failure in failures] == ["ParameterError"]
    assert "rename the file" in failures[0]["message"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_manifest_on_a_store_resolves_its_paths_there(form: str, tmp_path: Path) -> None:
    cells = {
        "path": ["a.svs", "../50%.svs", "/data/b.svs", "s3://bucket/c d.svs?region=eu"],
        "mask": ["m/a.tiff", None, "s3://bucket/b.tiff", "/masks/c.tiff"],
    }
    if form == "csv":
        lines = zip(*([name, *(cell or "" for cell in column)] for name, column in cells.items()), strict=True)
        content = "\n".join(",".join(line) for line in lines).encode()
    else:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(cells), sink)
        content = sink.getvalue().to_pybytes()
    put(f"lists/slides.{form}", content=content)

    [rows] = read_manifest(f"{TOP}/lists/slides.{form}", {"tissue": "mask"})
    assert dict(zip(rows["path"].to_pylist(), rows["tissue_source"].to_pylist(), strict=True)) == {
        f"{TOP}/lists/a.svs".encode(): f"{TOP}/lists/m/a.tiff",
        f"{TOP}/50%.svs".encode(): None,
        b"/data/b.svs": "s3://bucket/b.tiff",
        b"s3://bucket/c%20d.svs?region=eu": "/masks/c.tiff",
    }


def test_a_manifest_that_is_absent_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"slides: cannot open '.*': no such file on its store; hint: check"):
        list(read_manifest(f"{TOP}/absent.csv"))
