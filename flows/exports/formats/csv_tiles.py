"""CSV per slide: the box of each tile on level 0 and its classes, with the head of wsinfer's results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyarrow.csv import WriteOptions, write_csv

from flows.config.model import CoverageConfig
from flows.exports.column_names import refuse_taken
from flows.exports.export_format import ExportedSlide
from flows.exports.tile_numbers import box_and_numbers

HEAD = ("minx", "miny", "width", "height")
"""Names of the box: left, top, width and height in px of level 0."""


@dataclass(frozen=True, slots=True)
class CsvTiles:
    """A file `{name}.csv` per slide; one without tiles has the head only."""

    name: ClassVar[str] = "csv"
    reader: ClassVar[str] = "any program that reads CSV; the first four columns are those of wsinfer 0.6"
    taken: ClassVar[tuple[str, ...]] = HEAD

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the tiles of one slide in row-major order.

        Columns: minx, miny, width, height, whole numbers of px of level 0; then a column per class, a number as the
        shortest text that reads back as the same number, empty where nothing is known.

        Raises:
            ConfigurationError: A class has the name of a column of the box.
        """
        refuse_taken(exported.classes, self.taken, self.name)
        table = box_and_numbers(exported.tiles, exported.classes)
        with (folder / f"{exported.name}.csv").open("wb") as file:
            file.write(",".join([*HEAD, *exported.classes]).encode() + b"\n")  # names of columns need no quotes
            write_csv(table, file, WriteOptions(include_header=False))

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write nothing: each file stands alone."""

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield a query for the files of all slides."""
        yield f"all slides in DuckDB: FROM read_csv('{folder}/*.csv', filename = true)"
