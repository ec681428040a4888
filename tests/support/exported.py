"""Slides as exports are given them, from finished outputs made by hand."""

from pathlib import Path
from typing import Any

from flows.config.model import CoverageConfig
from flows.exports.export_format import ExportedSlide
from flows.records.slides import Slide
from tests.support.finished import HandmadeSlide, write_output


def exported_slides(folder: Path, *slides: HandmadeSlide, **changes: Any) -> tuple[list[ExportedSlide], CoverageConfig]:
    """Write an output and return its slides, named by their stems, with all classes."""
    output = write_output(folder, slides, **changes)
    classes = tuple(slides[0].shares)
    rows = output.slides.to_pylist()
    found = [
        ExportedSlide(Path(row["path"]).stem, Slide.from_row(row), row, output.tiles(row["slide_id"]), classes)
        for row in rows
    ]
    return found, output.config
