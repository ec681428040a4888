"""Runs whose tables are written in other formats too: `exports` of the configuration."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
import yaml

from flows.cli.options import read_configuration
from flows.config.errors import ConfigurationError
from tests.support.study import configured, run, settings, write_study

EXPORTS = {"heatmap": {"classes": ["tissue"], "where": "tumor >= 0"}, "dataset": {}}


def counted(output: Path, name: str = "heatmap") -> dict[str, int]:
    found = json.loads((output / "run.json").read_text())["exports"][name]
    return {name: found[name] for name in ("slides", "written", "put_aside")}


@pytest.mark.usefixtures("local_ray", "server")
def test_each_run_writes_the_slides_whose_tiles_changed(folder: Path, output: Path) -> None:
    to = output / "exports" / "heatmap"
    write_study(folder, "a", "b")
    run(folder, exports=EXPORTS)
    assert counted(output) == {"slides": 2, "written": 2, "put_aside": 0}
    for row in pq.read_table(output / "tiles").to_pylist():
        numbers = tifffile.imread(to / f"{Path(row['path']).stem}_tissue.tiff")
        assert numbers[row["tile_y"] // 16, row["tile_x"] // 16] == np.float32(row["tissue"])

    before = (to / "a_tissue.tiff").stat().st_mtime_ns
    write_study(folder, "c")
    (to / "c_tissue.tiff").write_text("mine")
    assert run(folder, exports=EXPORTS).is_completed()
    assert counted(output) == {"slides": 2, "written": 0, "put_aside": 1}
    [aside] = json.loads((to / "export.json").read_text())["put_aside"]
    assert aside["path"] == str(folder / "c.tiff")
    assert "c_tissue.tiff' is a file of others" in aside["reason"]

    (to / "c_tissue.tiff").unlink()
    for path in folder.glob("b*"):
        path.unlink()
    run(folder, exports=EXPORTS)
    assert counted(output) == {"slides": 2, "written": 1, "put_aside": 0}
    assert sorted(path.name for path in to.iterdir()) == ["a_tissue.tiff", "c_tissue.tiff", "export.json"]
    assert (to / "a_tissue.tiff").stat().st_mtime_ns == before
    assert counted(output, "dataset") == {"slides": 2, "written": 2, "put_aside": 0}
    exported = pq.read_table(output / "exports" / "dataset" / "tiles", columns=["tissue"])
    slides = pq.read_table(output / "slides.parquet")["slide_id"].to_pylist()  # without b, whose tiles are kept
    tiles = pq.read_table(output / "tiles", columns=["tissue"], filters=[("slide_id", "in", slides)])
    assert exported.to_pylist() == tiles.to_pylist()

    state = run(folder, exports=EXPORTS)
    assert [counted(output, name)["written"] for name in EXPORTS] == [0, 0]
    assert state.result().exports[0] == f"export heatmap: 2 slides, 0 written, in {to}"


@pytest.mark.parametrize(
    ("exports", "message"),
    [
        ({"heatmap": {"where": "stroma >"}}, r"exports: heatmap: where: 'stroma >' is not an expression"),
        ({"heatmap": {"classes": ["level"]}}, r"exports: heatmap: classes: no column of numbers 'level' is written"),
        ({"heatmap": {"crop": False}}, r"exports: heatmap: crop is an option of qupath only"),
        ({"csv": {"to": "x"}, "heatmap": {"to": "x"}}, r"exports: csv and heatmap have the same folder"),
        ({"pdf": {}}, r"exports.pdf: found 'pdf'; give 'trident', "),
        ({"heatmap": {"folder": "x"}}, r"exports.heatmap.folder: unknown key"),
    ],
)
def test_exports_are_checked_with_the_configuration(exports, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configured(Path("/slides"), exports=exports)


def test_a_condition_that_does_not_fit_the_cells_of_the_manifest_is_refused_before_any_work(tmp_path: Path) -> None:
    write_study(tmp_path / "slides", "a")
    manifest = tmp_path / "cohort.csv"
    manifest.write_text("path,flag\nslides/a.tiff,yes\n")
    changes = {"slides": str(manifest), "columns": ["flag"], "exports": {"csv": {"where": "flag > 0"}}}
    file = tmp_path / "coverage.yaml"
    file.write_text(yaml.safe_dump(settings(tmp_path / "slides", **changes)))
    with pytest.raises(ConfigurationError, match=r"exports: csv: where: 'flag > 0' orders texts"):
        read_configuration(["--config", str(file)])


def test_equal_stems_are_refused_before_any_work(folder: Path, output: Path, tmp_path: Path) -> None:
    write_study(folder, "a")
    write_study(folder / "more", "a")
    file = tmp_path / "coverage.yaml"
    file.write_text(yaml.safe_dump(settings(folder, exports={"heatmap": {"to": "maps"}})))
    with pytest.raises(ConfigurationError, match=r"exports.heatmap.name: .*a.tiff' and .*a.tiff' would both be"):
        read_configuration(["--config", str(file)])
    config = read_configuration(["--config", str(file), "--exports.heatmap.name", "slide_id"])
    assert config.exports["heatmap"].to == str(tmp_path / "maps")
    assert not output.exists()
