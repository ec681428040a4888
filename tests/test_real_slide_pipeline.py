"""A real Aperio slide with its two overlays through the command line: equal to the oracle."""

import subprocess
import sys
from pathlib import Path

import oracles
import pyarrow.parquet as pq
import pytest
import shapely
import yaml
from test_real_slide import FOLDER, MPP, OVERLAYS, SLIDE, levels_of, overlay_mpp, pytestmark  # noqa: F401 - skips here too

from ratiopath.tiling import grid_tiles

ROI = shapely.Point(128, 128).buffer(140)


def test_the_command_line_gives_the_oracles_coverage(tmp_path: Path) -> None:
    config = {
        "slides": str(SLIDE),
        "output": str(tmp_path / "coverage"),
        "tiling": {"mpp": 0.5, "tile_extent": 256},
        "roi": ROI.wkt,
        "overlays": {
            "tissue": {"path": "{dir}/{stem}_tissue_mask.tiff", "classes": {"tissue": [255]}},
            "annotation": {"path": "{dir}/{stem}_classes.ome.tiff", "classes": {"tumor": [1, 2], "rest": [0]}},
        },
        "keep": "tissue >= 0.5 and rest < 1",
    }
    (tmp_path / "coverage.yaml").write_text(yaml.safe_dump(config))

    command = [sys.executable, "-m", "flows.coverage", "--config", str(tmp_path / "coverage.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "coverage" / "coverage").to_pylist()
    roi = shapely.from_wkt(ROI.wkt)  # WKT rounds: the oracle takes what the configuration says
    assert [(row["tile_x"], row["tile_y"]) for row in rows] == list(grid_tiles((2220, 2967), (256, 256), (256, 256)))
    for name, column in zip(OVERLAYS, ("tissue", "annotation"), strict=True):
        assert {row[f"{column}_path"] for row in rows} == {str((FOLDER / name).resolve())}
        levels, mpp = levels_of(name), overlay_mpp(name)
        for row in rows:
            want = oracles.overlap(levels, mpp, row["tile_x"], row["tile_y"], MPP, roi)
            assert dict(row[f"{column}_overlap"]) == pytest.approx(want, rel=1e-12)
    for row in rows:
        tissue, classes = dict(row["tissue_overlap"]), dict(row["annotation_overlap"])
        assert row["tissue"] == pytest.approx(tissue.get("255", 0))
        assert row["tumor"] == pytest.approx(classes.get("1", 0) + classes.get("2", 0))
    kept = pq.read_table(tmp_path / "coverage" / "tiles").to_pylist()
    assert kept == [row for row in rows if row["tissue"] >= 0.5 and row["rest"] < 1]
    assert 0 < len(kept) < len(rows)
