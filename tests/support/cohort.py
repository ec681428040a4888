"""Finished outputs of many slides, made from the tables of one: validating tables takes a third of a second a slide."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.finished import HandmadeSlide, write_output


def write_cohort(folder: Path, slides: Sequence[dict[str, Any]], kept: Sequence[int], **changes: Any) -> Path:
    """Write slides.parquet, tiles/ and run.json of slides that differ in their cells and in the number of tiles kept.

    Args:
        folder: Folder to make.
        slides: Path of each slide, and the cells of the manifest.
        kept: Number of tiles of each slide, at most four.
        changes: Further settings.
    """
    template = HandmadeSlide("/slides/template.svs", 2, {"tumor": [0.5, 0.75, 1.0, 0.0]}, [True] * 4)
    finished = write_output(folder, [template], **changes)
    row = finished.slides.to_pylist()[0]
    tiles = finished.tiles(row["slide_id"])
    (folder / "tiles" / f"{row['slide_id']}.parquet").unlink()
    rows = [row | {"slide_id": f"{Path(one['path']).stem}-{n:012x}"} | one for n, one in enumerate(slides)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "slides.parquet")
    for one, count in zip(rows, kept, strict=True):
        own = tiles.slice(0, count)
        for name in ("slide_id", "path"):
            column = pa.array([one[name]] * count, pa.string())
            own = own.set_column(own.schema.get_field_index(name), name, column)
        pq.write_table(own, folder / "tiles" / f"{one['slide_id']}.parquet")
    return folder
