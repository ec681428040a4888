"""One annotation in eight formats gives tables of the same bytes."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from ratiopath.arrow.overlap import overlap_map
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import TileWindows, open_annotation
from ratiopath.roi import Roi
from tests.support.annotation_files import asap, halo, imagescope, ndpa
from tests.support.annotation_tables import geojson, geojson_gz, geoparquet, wkt_csv

FRAME = SlideFrame("a.ndpi", Extent(4096, 3072), Mpp(0.23, 0.229), centre_offset_nm=(12_345.0, -678.0))
"""Its offset moves the centre of the physical slide by -12345 / 230 and 678 / 229 px."""
CENTRE = 2048 - 12_345.0 / 230, 1536 + 678.0 / 229


def ring(number: int, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """A star of ten corners at hundredths of a pixel."""
    angles = np.arange(10) * np.pi / 5 + number
    lengths = radius * np.where(np.arange(10) % 2, 0.6, 1.0)
    return np.round(np.stack([x + lengths * np.cos(angles), y + lengths * np.sin(angles)], axis=1), 2).tolist()


OUTLINES = [
    ("tumor", ring(0, 700, 800, 500)),
    ("stroma & fat", ring(1, 1100, 900, 600)),
    ("tumor", ring(2, 900, 1100, 333.3)),
    ("Ödem", ring(3, 3000, 2000, 77.7)),
]
SHAPES = [(label, [shell]) for label, shell in OUTLINES]
FILES = {
    "asap": asap(OUTLINES),
    "imagescope": imagescope(OUTLINES),
    "halo": halo(OUTLINES),
    "ndpa": ndpa([(label.replace("&", "&amp;"), shell) for label, shell in OUTLINES], (230.0, 229.0), CENTRE),
    "geojson": geojson(SHAPES),
    "geojson.gz": geojson_gz(SHAPES),
    "wkt": wkt_csv(SHAPES),
    "geoparquet": geoparquet(SHAPES),
}


def table(path: Path) -> bytes:
    """The overlap of each tile of 256 px of the slide, as a Parquet file."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(0, 4096, 256.0), np.arange(0, 3072, 256.0)))
    with open_annotation(str(path), FRAME) as overlay:
        shares = overlay.shares(TileWindows(x, y, Mpp(0.23, 0.229), Roi(shapely.box(0, 0, 256, 256))))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"overlap": overlap_map(shares), "existing": shares.existing}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_bytes_of_the_first(tmp_path: Path, name: str) -> None:
    for each in ("asap", name):
        (tmp_path / each).write_bytes(FILES[each])
    assert table(tmp_path / name) == table(tmp_path / "asap")
