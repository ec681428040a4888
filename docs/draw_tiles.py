"""Draw the picture of the README: `python docs/draw_tiles.py coverage-sample docs/tiles.png`.

The sample slide, every tile shaded by how much tissue it holds, the kept tiles outlined.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from ratiopath.geometry import Extent
from ratiopath.plan import Windows
from ratiopath.slides import open_slide
from ratiopath.tiling.tiles import cut_tiles

WIDTH = 1024
TISSUE, KEPT = (38, 120, 90), (15, 60, 200)


def draw(sample: Path, picture: Path) -> None:
    """Draw the first slide of the sample."""
    slide = pq.read_table(sample / "coverage/slides.parquet").to_pylist()[0]
    coverage = pq.read_table(sample / f"coverage/coverage/{slide['slide_id']}.parquet").to_pylist()
    kept = pq.read_table(sample / f"coverage/tiles/{slide['slide_id']}.parquet").to_pylist()
    with open_slide(slide["path"]) as reader:
        level = min(reader.pyramid.levels, key=lambda level: abs(level.extent.width - WIDTH))
        corner = np.zeros(1, dtype=np.int64)
        whole = Windows(level.index, corner, corner, Extent(level.extent.width, level.extent.height))
        image = Image.fromarray(cut_tiles(reader, whole)[0])
    scale = image.width / slide["extent_x"]
    shade = ImageDraw.Draw(image, "RGBA")
    for tile in coverage:
        shade.rectangle(_box(tile, scale), fill=(*TISSUE, int(110 * (tile["tissue"] or 0))), outline=(90, 90, 90, 90))
    for tile in kept:
        shade.rectangle(_box(tile, scale), outline=(*KEPT, 255), width=2)
    image.quantize(128).save(picture, optimize=True)


def _box(tile: dict, scale: float) -> tuple[float, float, float, float]:
    x, y = tile["tile_x"] * scale, tile["tile_y"] * scale
    return x, y, x + tile["tile_extent_x"] * scale - 1, y + tile["tile_extent_y"] * scale - 1


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
