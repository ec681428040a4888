"""The gallery: one self-contained HTML page with a card per slide, safe for any file name.

The cards are JSON in the page, and its script adds a bounded number of them at a time: a browser that opens a page of
ten thousand slides renders no more than a screenful or two.
"""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.config.model import CoverageConfig
from flows.reports.previews.files import FOLDER, remove_previews, slides_with_picture
from flows.reports.run_log import run_log
from flows.storage.filesystem import output_errors
from flows.storage.workspace import Workspace
from schemas.slide_report import area_of, mean_of

PAGE = "index.html"
"""File of the page in the output; it opens from the file system."""
GENERATOR = "ratiopath flows"
GENERATOR_TAG = f'<meta name="generator" content="{GENERATOR}">'.encode()
"""Generator named in the head of a page, which marks it as drawn by a run."""
HEAD_BYTES = 1000
"""Number of leading bytes that contain the generator."""
FAILED = "failed"
"""Status of a failed slide."""

Row = dict[str, Any]


def _card(slide: Row, classes: Sequence[str], pictures: Collection[str]) -> Row:
    """Build the card of a slide; a number that its row lacks is unknown."""
    return {
        "name": posixpath.basename(slide["path"]),
        "path": slide["path"],
        "picture": f"{FOLDER}/{slide['slide_id']}.png" if slide.get("slide_id") in pictures else None,
        "status": slide["status"],
        "tiles": slide.get("tiles"),
        "kept": slide.get("kept"),
        "means": [slide.get(mean_of(name)) for name in classes],
        "areas": [slide.get(area_of(name)) for name in classes],
        "remarks": slide["suspicions"],
        "notes": slide.get("notes", []),
    }


def render_gallery(
    slides: Iterable[Row], failures: Iterable[Row], classes: Sequence[str], pictures: Collection[str]
) -> str:
    """Render the page.

    Args:
        slides: Rows of `schemas.slide_report`.
        failures: Rows of `schemas.failures`.
        classes: Names of the classes, in order.
        pictures: Ids of the slides that have a picture; the page requests no other.

    Returns:
        HTML that loads nothing but the pictures.
    """
    failed = [
        {"path": one["path"], "status": FAILED, "suspicions": [f"{one['stage']}: {one['error']}: {one['message']}"]}
        for one in failures
    ]
    cards = [_card(slide, classes, pictures) for slide in (*slides, *failed)]
    environment = Environment(loader=PackageLoader("flows.reports", "."), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("gallery.html")
    return page.render(generator=GENERATOR, classes=list(classes), slides=cards)


def publish_gallery(
    reports: pa.Table, failures: pa.Table, pictures: pa.Table | None, config: CoverageConfig, workspace: Workspace
) -> None:
    """Write the page; if previews are off, remove page and pictures of earlier runs, which may be outdated.

    Args:
        reports: Table of `schemas.slide_report`.
        failures: Table of `schemas.failures`.
        pictures: Table of `schemas.intermediate.PICTURES`; None if previews are off.
        config: The configuration.
        workspace: The output.
    """
    if pictures is None:
        _remove_gallery(workspace)
        return
    slides, failed = reports.to_pylist(), failures.to_pylist()
    path = workspace.published(PAGE)
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(render_gallery(slides, failed, config.classes, slides_with_picture(pictures)).encode())


def _remove_gallery(workspace: Workspace) -> None:
    path, pictures = workspace.published(PAGE), remove_previews(workspace)
    removed = [f"{pictures:,} picture{'' if pictures == 1 else 's'}"] if pictures else []
    if GENERATOR_TAG in workspace.read_head(path, HEAD_BYTES):
        workspace.remove(path)
        removed.append(PAGE)
    if removed:
        run_log().warning("previews are off: removed %s of earlier runs", " and ".join(removed))
