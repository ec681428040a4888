"""Verb `export`."""

import sys
from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from flows.cli.answer import Answer, answer_verb
from flows.config.errors import refusal
from flows.config.export_settings import ExportSettings, FormatName
from flows.exports.export import Export
from flows.exports.export_record import FILE, ExportRecord
from flows.records.finished_output import FinishedOutput

MAX_SHOWN = 20
"""Slides put aside that are printed; export.json lists all."""


def export(
    format_name: Annotated[FormatName, Parameter(name="FORMAT")],
    output: str,
    /,
    *,
    to: str | None = None,
    where: str | None = None,
    classes: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    name: Literal["stem", "slide_id"] = "stem",
    crop: Annotated[bool, Parameter(negative="--no-crop")] = True,
    classify: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
) -> Answer:
    """Write the kept tiles of a finished run in the format of another program.

    Exit codes: 0 every slide is written, 2 refused, 3 written, but some slides cannot be.

    Args:
        format_name: Format.
        output: Output of a finished run, a folder or the URI of a store.
        to: Folder or URI to write to; exports/FORMAT in the output by default.
        where: Tiles to write, such as 'tumor >= 0.5'; all that keep kept by default.
        classes: Columns of numbers to write; every class by default.
        name: Names of the files: the slide's, or its slide_id.
        crop: For qupath: coordinates begin at the scanned box, as QuPath shows the slide.
        classify: For qupath: columns that compete for the classification of a tile; by default the classes written.
    """
    given = {"to": to, "where": where, "classes": classes, "name": name, "crop": crop, "classify": classify}
    try:
        settings = ExportSettings.model_validate(given)
    except ValidationError as error:
        raise refusal(error, ExportSettings) from None
    tables = FinishedOutput.open(output)
    opened = Export.open(tables, format_name, settings)
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with Progress(console=console, disable=not sys.stderr.isatty()) as bar:
        shown = bar.add_task(f"export {format_name}", total=len(opened.rows))
        record = opened.run(lambda _: bar.advance(shown))
    return _answer(record, opened)


def _answer(record: ExportRecord, opened: Export) -> Answer:
    tiles, files, aside = sum(slide.tiles for slide in record.slides), len(list(record.files)), record.put_aside
    steps = opened.next_steps
    line = f"{len(record.slides):,} slides with {tiles:,} tiles in {files:,} files: {opened.folder}"
    troubles = [f"put aside: {one.path}: {' '.join(one.reason.split())}" for one in aside[:MAX_SHOWN]]
    if len(aside) > MAX_SHOWN:
        troubles.append(f"and {len(aside) - MAX_SHOWN:,} more slides put aside: see {FILE}")
    content = {
        "format": record.format,
        "folder": opened.folder,
        "slides": len(record.slides),
        "tiles": tiles,
        "files": files,
        "put_aside": [one.model_dump() for one in aside],
        "next_steps": steps,
    }
    lines = [line, *(f"next: {step}" for step in steps[:-1])]
    return Answer(lines, content, steps[-1] if steps else None, code=3 if aside else 0, troubles=troubles)


def answer(arguments: Sequence[str]) -> int:
    """Answer the verb; return the exit code."""
    return answer_verb(export, "export", arguments)
