"""Protocol of a format, and the slides that it is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.records.slides import Slide


@dataclass(frozen=True, slots=True)
class ExportedSlide:
    """Kept tiles of one slide, as an export writes them."""

    name: str
    """Name of the slide's files: its stem, or its slide id."""
    slide: Slide
    """The slide: its path, level, tiles and level 0."""
    row: Mapping[str, Any]
    """Its row of slides.parquet, with the columns of the manifest."""
    tiles: pa.Table
    """Rows of tiles/ in row-major order, after `--where`; may be empty. For `write_cohort` a table without columns,
    whose `num_rows` is the number of tiles that were written."""
    classes: tuple[str, ...]
    """Columns of numbers to write, in order: classes, or what `--classes` names."""


class ExportFormat(Protocol):
    """A format that kept tiles are written in.

    A format only writes below the folder that it is given, which is empty, on this machine, and not yet visible; the
    caller moves what is complete into place. It raises SlideError for a slide that the format cannot hold.

    A format whose class has `shares_folder = True` finds in the folder of `write_cohort` all that `write_slide` has
    written, in the order of the slides, and what it leaves there is published together at the end. Any other format
    has an empty folder, and the files of a slide are in place before the next slide is asked for.

    A class may have `taken`, names that no class to write may have, and `taken_by_slides`, names that no column of the
    manifest may have.
    """

    name: ClassVar[str]
    """Name on the command line."""
    reader: ClassVar[str]
    """Program that reads the files, with the version that was checked."""

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the files of one slide; none if the consumer wants no file of a slide without tiles."""

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write the files about all slides, whose tiles are left out; after the last slide."""

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the lines that say how the files are used."""
