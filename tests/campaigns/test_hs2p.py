"""hs2p itself loads the coordinates, and takes them instead of tiling with the settings that are written."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from flows.cli.sample import make_sample
from flows.exports.export_format import ExportedSlide
from flows.exports.formats.hs2p import Hs2pFormat
from ratiopath.slides import open_slide
from tests.support.exported import exported_slide, tiling
from tests.support.study import configured

hs2p = pytest.importorskip("hs2p")

CORNERS = [(256, 0), (512, 256), (0, 512)]
"""Row-major, px of level 1 of the sample."""


@pytest.fixture
def slides(tmp_path) -> list[ExportedSlide]:
    """Return a real pyramid at 0.5 µm/px with three tiles, and one without tiles."""
    make_sample(str(tmp_path / "sample"))
    made = []
    for name, corners in (("sample-a.tiff", CORNERS), ("sample-b.ome.tiff", [])):
        path = str(tmp_path / "sample" / "slides" / name)
        with open_slide(path) as reader:
            level0, level1 = (level.extent for level in reader.pyramid.levels[:2])
        extents = {"extent": (level1.width, level1.height), "level0": (level0.width, level0.height)}
        slide = exported_slide(path, corners=corners, level0_mpp=(0.5, 0.5), **extents)
        tiles = slide.tiles.append_column("tissue", pa.array([0.5, 1.0, 0.25][: len(corners)], pa.float64()))
        made.append(ExportedSlide(slide.name, slide.slide, slide.row, tiles, ("tissue",)))
    return made


def write(slides, folder: Path, **settings) -> Hs2pFormat:
    """Write all files, with folders of slides put together as the driver of exports does."""
    format_ = Hs2pFormat(tiling(**settings))
    (folder / "tiles").mkdir(parents=True)
    for slide in slides:
        own = folder / slide.name
        own.mkdir()
        format_.write_slide(slide, own)
        for path in (own / "tiles").iterdir():
            path.rename(folder / "tiles" / path.name)
    format_.write_cohort(slides, configured(folder), folder)
    return format_


def test_hs2p_loads_what_was_written(slides, tmp_path) -> None:
    from hs2p.artifacts import load_tiling_result  # noqa: PLC0415 - only if hs2p is there

    write(slides, tmp_path / "to", stride=64)
    stem = tmp_path / "to" / "tiles" / "sample-a.coordinates"
    result = load_tiling_result(Path(f"{stem}.npz"), Path(f"{stem}.meta.json"))
    assert list(zip(result.x, result.y, strict=True)) == [(0, 1024), (512, 0), (1024, 512)]
    np.testing.assert_array_equal(result.tissue_fractions, np.array([0.25, 0.5, 1.0], np.float32))
    assert (result.sample_id, result.tile_size_lv0, result.read_level, result.step_px_lv0) == ("sample-a", 512, 1, 128)
    assert load_tiling_result(None, tmp_path / "to" / "tiles" / "sample-b.coordinates.meta.json").num_tiles == 0


@pytest.mark.parametrize("settings", [{}, {"stride": 64}, {"level": 1}], ids=["plain", "overlap", "level"])
def test_hs2p_takes_the_coordinates_with_the_settings_that_are_written(slides, tmp_path, settings) -> None:
    from hs2p import api  # noqa: PLC0415 - ditto
    from hs2p.configs import resolvers  # noqa: PLC0415
    from hs2p.configs.loader import default_config  # noqa: PLC0415
    from hs2p.utils import load_csv  # noqa: PLC0415
    from omegaconf import OmegaConf  # noqa: PLC0415

    to = tmp_path / "to"
    write(slides, to, **settings)
    given = yaml.safe_load((to / "slide2vec.yaml").read_text())
    given["tiling"]["read_coordinates_from"] = str(to / "tiles")
    config = OmegaConf.merge(default_config, OmegaConf.create(given | {"csv": str(to / "slides.csv")}))
    artifacts = api.tile_slides(
        load_csv(config),
        tiling=resolvers.resolve_tiling_config(config),
        segmentation=resolvers.resolve_segmentation_config(config),
        filtering=resolvers.resolve_filter_config(config),
        masks=resolvers.resolve_mask_sampling_config(config),
        read_coordinates_from=resolvers.resolve_read_coordinates_from(config),
        output_dir=tmp_path / "out",
    )
    assert {one.sample_id: one.num_tiles for one in artifacts} == {"sample-a": 3, "sample-b": 0}
    assert artifacts[0].coordinates_npz_path == to / "tiles" / "sample-a.coordinates.npz"
