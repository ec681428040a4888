"""A run whose overlays are heat maps: statistics in coverage/ and tiles/, by which tiles are kept."""

import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from flows.records.provenance import coverage_settings
from tests.support.study import MASK_SIZE, configured, failures, run, write_mask, write_slide

MAPS = {
    "attention": {"path": "{dir}/{stem}_attention.tiff", "stats": ["mean", "max", "share>=0.50"]},
    "scores": {"path": "{dir}/{stem}.h5", "stats": ["mean"], "patch_size": 32, "missing": "null"},
}


@pytest.mark.usefixtures("local_ray", "server")
def test_tiles_are_kept_by_the_statistics_of_heat_maps(folder: Path, output: Path) -> None:
    for name in ("a", "b", "c"):
        write_slide(folder / f"{name}.tiff")
    attention = np.full(MASK_SIZE, np.nan, np.float32)
    attention[:8, :16] = np.linspace(0, 100, 128).reshape(8, 16)
    write_mask(folder / "a_attention.tiff", attention)
    write_mask(folder / "b_attention.tiff", np.zeros((*MASK_SIZE, 3), np.uint8) + np.arange(3, dtype=np.uint8))
    write_mask(folder / "c_attention.tiff", np.full(MASK_SIZE, np.nan, np.float32))
    with h5py.File(folder / "a.h5", "w") as file:
        file["coords"], file["scores"] = [[0, 0]], [0.5]

    run(folder, overlays=MAPS, keep="attention_mean > 40 and scores_mean >= 0.5", previews=True)

    rows = [row for row in pq.read_table(output / "coverage").to_pylist() if row["path"].endswith("a.tiff")]
    first, second, third, *_ = rows
    assert first["attention_mean"] == pytest.approx(attention[:8, :8].astype(float).mean())
    assert (second["attention_max"], second["attention_inside"], second["scores_mean"]) == (100, 1, 0.5)
    assert (third["attention_mean"], third["attention_inside"], third["scores_mean"]) == (None, 0, None)
    kept = pq.read_table(output / "tiles").to_pylist()
    assert [(row["tile_x"], row["attention_share_ge_0_5"]) for row in kept] == [
        (0, pytest.approx(first["attention_share_ge_0_5"])),
        (16, 1),
    ]
    stage, error, message = failures(output)["b.tiff"]
    assert (stage, error) == ("compute overlaps", "UnsupportedImageError")
    assert "3 channels that differ" in message
    assert len(list((output / "previews").glob("*.png"))) == 2
    review = json.loads((output / "run.json").read_text())["review"]
    assert review["absent_classes"] == []
    assert review["reasons"] == {"overlay attention is empty": 1, "nothing kept": 1}


def test_other_statistics_or_another_scale_measure_again() -> None:
    def recorded(**changes: object) -> object:
        overlay = {**MAPS["attention"], **changes}
        return coverage_settings(configured(Path("/s"), overlays={"attention": overlay}, keep=None))

    same = recorded(stats=["mean", "max", "share >= 0.5"])
    assert recorded() == same
    assert recorded(stats=["max", "mean", "share>=0.5"]) != same
    assert recorded(scale=[0, 255]) != same
