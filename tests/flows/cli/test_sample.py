"""The sample is the same everywhere and is what the contract of a sample says."""

from pathlib import Path

import numpy as np
import tifffile

from flows.cli.sample import make_sample
from flows.config.model import CoverageConfig
from flows.config.yaml_file import read_yaml
from flows.inputs.discovery import discover
from ratiopath.geometry import Extent, Mpp
from ratiopath.slides import open_slide


def test_two_pyramids_with_two_masks_and_an_annotation_each(tmp_path) -> None:
    config = make_sample(str(tmp_path))
    assert [Path(slide.path).name for slide in discover(config)] == ["sample-a.tiff", "sample-b.ome.tiff"]
    for slide in discover(config):
        with open_slide(slide.path) as reader:
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
