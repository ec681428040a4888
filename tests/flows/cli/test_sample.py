"""The sample is the same everywhere and is what the contract of a sample says."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile

from flows.cli.sample import make_sample
from flows.config.model import CoverageConfig
from flows.config.yaml_file import read_yaml
from flows.inputs.discovery import discover
from flows.pipeline import coverage
from ratiopath.geometry import Extent, Mpp
from ratiopath.slides import open_slide


def test_two_pyramids_with_two_masks_and_an_annotation_each(tmp_path) -> None:
    config = make_sample(str(tmp_path))
    paths = discover(config).table["path"].to_pylist()
    assert [Path(path).name for path in paths] == ["sample-a.tiff", "sample-b.ome.tiff"]
    for path in paths:
        with open_slide(path) as reader:
            levels = [level.extent for level in reader.pyramid.levels]
            assert (levels[0], len(levels), reader.pyramid.mpp) == (Extent(4096, 3072), 4, Mpp(0.5, 0.5))
    for stem in ("sample-a", "sample-b"):
        labels = tifffile.imread(tmp_path / "slides" / f"{stem}_classes.ome.tiff")
        tissue = tifffile.imread(tmp_path / "slides" / f"{stem}_tissue_mask.tiff")
        assert (set(np.unique(labels)), set(np.unique(tissue))) == ({0, 1, 2, 3}, {0, 255})
        assert np.array_equal(tissue > 0, labels[::4, ::4] > 0)
        assert 0.2 < np.mean(tissue > 0) < 0.6
        assert (tmp_path / "slides" / f"{stem}.geojson").is_file()
    with tifffile.TiffFile(tmp_path / "slides" / "sample-b.ome.tiff") as tiff:
        assert (tiff.is_ome, len(tiff.pages), len(tiff.pages[0].pages)) == (True, 1, 3)


def test_the_same_files_every_time(tmp_path) -> None:
    contents = []
    for name in ("once", "again"):
        make_sample(str(tmp_path / name))
        contents.append([path.read_bytes() for path in sorted((tmp_path / name / "slides").iterdir())])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 8


def test_its_configuration_is_a_file_to_start_from(tmp_path) -> None:
    config = make_sample(str(tmp_path))
    assert CoverageConfig.model_validate(read_yaml(str(tmp_path / "coverage.yaml"))) == config


@pytest.mark.usefixtures("local_ray", "server")
def test_its_second_configuration_runs_without_any_mask(tmp_path) -> None:
    make_sample(str(tmp_path))
    for mask in (*(tmp_path / "slides").glob("*_tissue_mask.tiff"), *(tmp_path / "slides").glob("*_classes.ome.tiff")):
        mask.unlink()
    config = CoverageConfig.model_validate(read_yaml(str(tmp_path / "tissue.yaml")))
    assert coverage(config, return_state=True).result().new == 2
    tiles = pq.read_table(tmp_path / "tissue-coverage" / "coverage").to_pandas()
    make_sample(str(tmp_path))
    for path, rows in tiles.groupby("path"):
        tissue = tifffile.imread(f"{path.removesuffix('.tiff').removesuffix('.ome')}_tissue_mask.tiff") > 0
        expected = [
            tissue[y // 8 : y // 8 + 32, x // 8 : x // 8 + 32].mean()
            for x, y in zip(rows.tile_x, rows.tile_y, strict=True)
        ]
        assert np.abs(rows.tissue - expected).mean() < 0.06  # necrosis is pale
