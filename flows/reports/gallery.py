"""Rows in, one self-contained page out: pure, and safe whatever a file is called.

The rows stand in the page as JSON, of which its script shows a bounded number at a time: a browser that opens ten
thousand slides lays out no more than a screenful or two.
"""

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.config.model import CoverageConfig
from flows.reports.previews.files import remove_previews, with_picture
from flows.storage.filesystem import output_errors
from flows.storage.workspace import Workspace
from schemas.slide_report import area_of, mean_of

GENERATOR = "ratiopath flows"
"""Who made a page, as it says itself."""
PUT_ASIDE = "put aside"
"""The status of a slide that is in failures.parquet."""


def gallery_page(
    report: Iterable[Mapping[str, Any]],
    failures: Iterable[Mapping[str, Any]],
    classes: Sequence[str],
    pictures: Collection[str],
) -> str:
    """Write the page.

    Args:
        report: Rows of `schemas.slide_report`.
        failures: Rows of `schemas.failures`.
        classes: The columns of the report, two of each.
        pictures: Ids of the slides that have previews/ID.png; of others none is asked for.

    Returns:
        HTML that needs no network and no other file but the pictures.
    """
    slides = [_of_report(row, classes, pictures) for row in report]
    slides += [_of_failure(row, classes) for row in failures]
    environment = Environment(loader=PackageLoader("flows.reports", "."), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("gallery.html").render(generator=GENERATOR, classes=list(classes), slides=slides)


def _of_report(row: Mapping[str, Any], classes: Sequence[str], pictures: Collection[str]) -> dict[str, Any]:
    return {
        "name": posixpath.basename(row["path"]),
        "path": row["path"],
        "picture": f"previews/{row['slide_id']}.png" if row["slide_id"] in pictures else None,
        "status": row["status"],
        "tiles": row["tiles"],
        "kept": row["kept"],
        "means": [row[mean_of(name)] for name in classes],
        "areas": [row[area_of(name)] for name in classes],
        "remarks": list(row["suspicions"]),
    }


def _of_failure(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": posixpath.basename(row["path"]),
        "path": row["path"],
        "picture": None,
        "status": PUT_ASIDE,
        "tiles": None,
        "kept": None,
        "means": [None] * len(classes),
        "areas": [None] * len(classes),
        "remarks": [f"{row['stage']}: {row['error']}: {row['message']}"],
    }


PAGE = "index.html"
"""Opens from the file system."""
HEAD = 1000
"""Bytes among which a page says who made it."""


def publish_gallery(
    reports: pa.Table, failures: pa.Table, pictures: pa.Table | None, config: CoverageConfig, workspace: Workspace
) -> None:
    """Write the page; without pictures, remove what an earlier run showed, which may not be true any more.

    Args:
        reports: On each slide in the tables.
        failures: The slides put aside.
        pictures: Which slide has one; None where none was to be drawn.
        config: Of the run.
        workspace: Where it wrote.
    """
    path = workspace.published(PAGE)
    if pictures is None:
        remove_previews(workspace)
        if _is_ours(path, workspace):
            workspace.storage.remove(path)
        return
    page = gallery_page(reports.to_pylist(), failures.to_pylist(), config.classes, with_picture(pictures))
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(page.encode())


def _is_ours(path: str, workspace: Workspace) -> bool:
    try:
        with workspace.files.open_input_file(path) as file:
            return GENERATOR.encode() in file.read(HEAD)
    except FileNotFoundError:
        return False
