"""The gallery: HTML pages with a card per slide, which load nothing but the files in previews/, safe for any file name.

    index.html, index-2.html, ...    PER_PAGE slides each: failed ones, slides to review, then the others, by path
    index-names.js                   names of all pages, loaded by a search if there is more than one page

The cards are JSON in the page, and its script adds a bounded number of them at a time. The shares of a slide's tiles
are in a script of their own (`flows.reports.previews.tile_shares`), loaded with its card.
"""

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.config.model import CoverageConfig
from flows.config.slide_id import slide_stem
from flows.reports.previews.colours import GREYS, TABLE
from flows.reports.previews.files import FOLDER, SCRIPT, remove_previews
from flows.reports.previews.scene import MAX_PANELS
from flows.reports.run_log import run_log
from flows.reports.shown_text import escaped
from flows.reports.tissue_share import has_tissue, tissue_share
from flows.storage.filesystem import output_errors
from flows.storage.workspace import Workspace
from ratiopath.remote.names import name_of
from schemas.slide_report import area_of, mean_of

PAGE, NAMES = "index.html", "index-names.js"
"""Files of the first page, which opens from the file system, and of the names of all pages, in the output."""
PER_PAGE = 500
"""Slides of a page."""
GENERATOR = "ratiopath flows"
GENERATOR_TAG, NAMES_MARK = f'<meta name="generator" content="{GENERATOR}">', f"/* {GENERATOR}: names of slides */"
"""Generator named in the head of a page and of the names, which marks them as written by a run."""
HEAD_BYTES = 1000
"""Number of leading bytes that contain the generator."""
FAILED = "failed"
"""Status of a failed slide."""
QUPATH = ("exports", "qupath")
"""Folder of the tiles as QuPath reads them, in the output."""
_PAGE_NAME = re.compile(r"index(-([2-9]|[1-9]\d+))?\.html|index-names\.js")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a page among the others."""

    number: int = 1
    """Number of the page, from 1."""
    pages: int = 1
    """Number of pages."""

    @property
    def name(self) -> str:
        """File of the page."""
        return PAGE if self.number == 1 else f"index-{self.number}.html"


def is_page_name(name: str) -> bool:
    """Return True for the name of a file that a gallery has or may have."""
    return _PAGE_NAME.fullmatch(name) is not None


def is_drawn(head: bytes) -> bool:
    """Return True if the beginning of a file is that of a page or of the names."""
    return GENERATOR_TAG.encode() in head or head.startswith(NAMES_MARK.encode())


def exported_file(slide: Row, names: Collection[str]) -> str | None:
    """Return the file of a slide's tiles for QuPath in the output, named after its id or stem; None without one.

    A failed slide has none: a file of its stem would be another slide's.

    Args:
        slide: A row of `schemas.slide_report`.
        names: Names of the files in the folder of the export.
    """
    if slide.get("slide_id") is None:
        return None
    for stem in (slide["slide_id"], slide_stem(slide["path"])):
        if f"{stem}.geojson" in names:
            return posixpath.join(*QUPATH, f"{stem}.geojson")
    return None


def _card(slide: Row, classes: Sequence[str], pictures: Mapping[str, str], exports: Collection[str]) -> Row:
    """Build the card of a slide; a number that its row lacks is unknown."""
    picture = pictures.get(slide.get("slide_id", ""))
    return {
        "id": slide.get("slide_id"),
        "name": escaped(name_of(slide["path"])),
        "path": escaped(slide["path"]),
        "picture": picture,
        "script": None if picture is None else posixpath.splitext(picture)[0] + SCRIPT,
        "qupath": exported_file(slide, exports),
        "status": slide["status"],
        "tiles": slide.get("tiles"),
        "kept": slide.get("kept"),
        "means": [slide.get(mean_of(name)) for name in classes],
        "tissue": [tissue_share(slide, name, classes) for name in classes],
        "areas": [slide.get(area_of(name)) for name in classes],
        "remarks": [escaped(text) for text in slide["suspicions"]],
        "notes": [escaped(text) for text in slide.get("notes", [])],
    }


def render_page(
    slides: Iterable[Row],
    failures: Iterable[Row],
    classes: Sequence[str],
    pictures: Mapping[str, str],
    exports: Collection[str] = (),
    place: Place | None = None,
) -> str:
    """Render a page.

    Args:
        slides: Rows of `schemas.slide_report`.
        failures: Rows of `schemas.failures`.
        classes: Names of the classes, in order.
        pictures: Path in the output of the picture of each slide that has one, by id; the page requests no other.
        exports: Names of the files in exports/qupath; the page links to no other.
        place: Place of the page; None is that of the only one.

    Returns:
        HTML that loads nothing but files in previews/ and the names of all pages.
    """
    failed = [
        {"path": one["path"], "status": FAILED, "suspicions": [f"{one['stage']}: {one['error']}: {one['message']}"]}
        for one in failures
    ]
    place = place or Place()
    environment = Environment(loader=PackageLoader("flows.reports", "."), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("gallery.html").render(
        generator_tag=GENERATOR_TAG,
        classes=list(classes),
        has_tissue=has_tissue(classes),
        panels=min(len(classes), MAX_PANELS),
        colours=["#{:02x}{:02x}{:02x}".format(*colour) for colour in TABLE[:, GREYS - 1].tolist()],
        slides=[_card(slide, classes, pictures, exports) for slide in (*slides, *failed)],
        page=place.number,
        links=[Place(number, place.pages).name for number in range(1, place.pages + 1)],
        names=NAMES,
    )


def split_pages(reports: pa.Table, failures: pa.Table) -> Iterator[tuple[Place, pa.Table, pa.Table]]:
    """Yield the place, the slides and the failed slides of each page, at least one.

    Args:
        reports: Table of `schemas.slide_report`.
        failures: Table of `schemas.failures`, sorted by path.
    """
    to_review = pc.greater(pc.list_value_length(reports["suspicions"]), 0)
    keys = pa.table({"last": pc.invert(to_review), "path": reports["path"]})
    ordered = reports.take(pc.sort_indices(keys, [("last", "ascending"), ("path", "ascending")]))
    pages = max(1, -(-(failures.num_rows + reports.num_rows) // PER_PAGE))
    for number in range(1, pages + 1):
        start = (number - 1) * PER_PAGE
        failed = failures.slice(start, PER_PAGE)
        first = max(0, start - failures.num_rows)
        yield Place(number, pages), ordered.slice(first, PER_PAGE - failed.num_rows), failed


def publish_gallery(
    reports: pa.Table,
    failures: pa.Table,
    drawn: pa.ChunkedArray | None,
    config: CoverageConfig,
    workspace: Workspace,
) -> None:
    """Write the pages; if previews are off, remove pages and pictures of earlier runs, which may be outdated.

    Args:
        reports: Table of `schemas.slide_report`.
        failures: Table of `schemas.failures`.
        drawn: Ids of the slides with a picture; None if previews are off.
        config: The configuration.
        workspace: The output.
    """
    if drawn is None:
        _remove_gallery(workspace)
        return
    exports = set(workspace.names(workspace.published(*QUPATH)))
    written, names = set(), []
    for place, slides, failed in split_pages(reports, failures):
        ids = slides["slide_id"].filter(pc.is_in(slides["slide_id"], value_set=drawn))
        pictures = {one: workspace.name_of(FOLDER, one) for one in ids.to_pylist()}
        page = render_page(slides.to_pylist(), failed.to_pylist(), config.classes, pictures, exports, place)
        _write(place.name, page, workspace)
        written.add(place.name)
        paths = [*slides["path"].to_pylist(), *failed["path"].to_pylist()]
        names.append([escaped(name_of(path)) for path in paths])
    if len(names) > 1:
        _write(NAMES, f"{NAMES_MARK}\nslideNames({json.dumps(names, separators=(',', ':'))});\n", workspace)
        written.add(NAMES)
    _remove_pages(workspace, but=written)


def _write(name: str, text: str, workspace: Workspace) -> None:
    path = workspace.published(name)
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(text.encode())


def _remove_pages(workspace: Workspace, but: Collection[str] = ()) -> bool:
    """Remove the pages of earlier runs; return True if there were any."""
    found = [name for name in workspace.names(workspace.root) if is_page_name(name) and name not in but]
    paths = [workspace.published(name) for name in found]
    stale = [path for path in paths if is_drawn(workspace.read_head(path, HEAD_BYTES))]
    for path in stale:
        workspace.remove(path)
    return bool(stale)


def _remove_gallery(workspace: Workspace) -> None:
    pictures = remove_previews(workspace)
    removed = [f"{pictures:,} picture{'' if pictures == 1 else 's'}"] if pictures else []
    if _remove_pages(workspace):
        removed.append(PAGE)
    if removed:
        run_log().warning("previews are off: removed %s of earlier runs", " and ".join(removed))
