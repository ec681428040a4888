"""Slides of a handmade output, as an export gets them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flows.exports.export_format import ExportedSlide
from flows.records.finished_output import FinishedOutput
from flows.records.slides import Slide
from tests.support.finished import HandmadeSlide, write_output


def exported_slides(output: FinishedOutput, classes: Sequence[str]) -> Iterator[ExportedSlide]:
    """Yield the slides of an output with their tiles; a slide's name is its stem."""
    for row in output.slides.to_pylist():
        slide = Slide.from_row(row)
        yield ExportedSlide(Path(slide.path).stem, slide, row, output.tiles(slide.slide_id), tuple(classes))


def exported(folder: Path, *slides: HandmadeSlide, **changes: Any) -> list[ExportedSlide]:
    """Write an output and return its slides with all their classes."""
    return list(exported_slides(write_output(folder, slides, **changes), list(slides[0].shares)))
