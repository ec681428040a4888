"""The flow over slides and overlays on stores: the tables of a local run."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.bucket import Bucket
from tests.support.gcs_server import gcs_server
from tests.support.study import failures, run, settings, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def put(folder: Path, bucket: Bucket, prefix: str = "slides") -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            bucket.client.upload_file(str(path), bucket.name, f"{prefix}/{path.relative_to(folder)}")


def rows(output: Path, table: str) -> list[dict[str, object]]:
    """Rows of a table without paths, and without the ids that are made of them."""
    found = [row for path in sorted((output / table).rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    return [{name: value for name, value in row.items() if "path" not in name and "id" not in name} for row in found]


def test_a_run_over_a_store_gives_the_tables_of_a_local_run(folder, output, bucket) -> None:
    write_study(folder, "a 1", "b")
    put(folder, bucket)
    (folder / "b_tissue.tiff").unlink()
    overlays = settings(folder)["overlays"]
    overlays["tissue"]["missing"] = "zero"
    bucket.client.delete_object(Bucket=bucket.name, Key="slides/b_tissue.tiff")
    local = output.with_name("local")
    assert run(folder, output=str(local), overlays=overlays, previews=True).name == "Completed"

    state = run(folder, slides=bucket.uri("slides"), overlays=overlays, previews=True)

    assert (state.name, failures(output)) == ("Completed", {})
    for table in ("coverage", "tiles"):
        assert rows(output, table) == rows(local, table)
    paths = pq.read_table(output / "coverage")["path"].unique().to_pylist()
    assert paths == [bucket.uri("slides/a%201.tiff"), bucket.uri("slides/b.tiff")]


def test_a_manifest_of_objects_on_google_cloud_gives_the_tables_of_a_local_run(folder, output, tmp_path) -> None:
    write_study(folder, "a", "b")
    local = output.with_name("local")
    assert run(folder, output=str(local), slides=f"{folder}/[ab].tiff").name == "Completed"
    manifest = folder.with_name("slides.csv")
    with gcs_server(folder, tmp_path / "requests") as address:
        options = f"scheme=http&anonymous=true&endpoint_override={address}"
        manifest.write_text("path\n" + "".join(f"gs://bucket/{name}.tiff?{options}\n" for name in "ab"))

        first, second = (run(folder, slides=str(manifest)) for _ in range(2))

        assert (first.name, failures(output)) == ("Completed", {})
        for table in ("coverage", "tiles"):
            assert rows(output, table) == rows(local, table)
        assert second.result().unchanged == 2
        (folder / "a_tissue.tiff").write_bytes((folder / "b_tissue.tiff").read_bytes() + b" ")
        assert run(folder, slides=str(manifest)).result().changed == 1
