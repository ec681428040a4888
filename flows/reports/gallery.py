"""The gallery: one self-contained HTML page with a card per slide, safe for any file name.

The cards are JSON in the page, and its script adds a bounded number of them at a time: a browser that opens a page of
ten thousand slides renders no more than a screenful or two.
"""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.config.model import CoverageConfig
from flows.reports.prefect_progress import run_log
from flows.reports.previews.files import FOLDER, remove_previews, slides_with_picture
from flows.reports.slide_report import FailedSlide, SlideReport
from flows.storage.filesystem import output_errors
from flows.storage.workspace import Workspace

PAGE = "index.html"
"""File of the page in the output; it opens from the file system."""
GENERATOR = "ratiopath flows"
"""Generator named in the head of a page, which marks it as drawn by a run."""
HEAD_BYTES = 1000
"""Number of leading bytes that contain the generator."""
FAILED = "failed"
"""Status of a failed slide."""


@dataclass(frozen=True, slots=True)
class Card:
    """A slide on the page."""

    name: str
    """File name of the slide."""
    path: str
    """Path of the slide."""
    picture: str | None
    """Picture, relative to the page; None if the slide has none."""
    status: str
    """Status of the slide in this run."""
    tiles: int | None
    """Number of tiles; None for a failed slide."""
    kept: int | None
    """Number of kept tiles; None for a failed slide."""
    means: tuple[float | None, ...]
    """Mean coverage of each class; None where it is unknown."""
    areas: tuple[float | None, ...]
    """Area of each class in mm²; None where it is unknown."""
    remarks: tuple[str, ...]
    """Reasons to review the slide, or its error."""

    @classmethod
    def of_slide(cls, slide: SlideReport, classes: Sequence[str], pictures: Collection[str]) -> "Card":
        """Build the card of a slide in the tables.

        Args:
            slide: The report on it.
            classes: Names of the classes, in order.
            pictures: Ids of the slides that have a picture.
        """
        picture = f"{FOLDER}/{slide.slide_id}.png" if slide.slide_id in pictures else None
        means, areas = (tuple(values[name] for name in classes) for values in (slide.means, slide.mm2))
        name = posixpath.basename(slide.path)
        return cls(name, slide.path, picture, slide.status, slide.tiles, slide.kept, means, areas, slide.suspicions)

    @classmethod
    def of_failure(cls, slide: FailedSlide, classes: Sequence[str]) -> "Card":
        """Build the card of a failed slide.

        Args:
            slide: The failed slide.
            classes: Names of the classes.
        """
        unknown, error = (None,) * len(classes), f"{slide.stage}: {slide.error}: {slide.message}"
        return cls(posixpath.basename(slide.path), slide.path, None, FAILED, None, None, unknown, unknown, (error,))


def render_gallery(
    slides: Iterable[SlideReport], failures: Iterable[FailedSlide], classes: Sequence[str], pictures: Collection[str]
) -> str:
    """Render the page.

    Args:
        slides: Reports on the slides in the tables.
        failures: The failed slides.
        classes: Names of the classes, in order.
        pictures: Ids of the slides that have a picture; the page requests no other.

    Returns:
        HTML that loads nothing but the pictures.
    """
    cards = [Card.of_slide(slide, classes, pictures) for slide in slides]
    cards += [Card.of_failure(slide, classes) for slide in failures]
    environment = Environment(loader=PackageLoader("flows.reports", "."), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("gallery.html")
    return page.render(generator=GENERATOR, classes=list(classes), slides=[asdict(card) for card in cards])


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
    slides = [SlideReport.from_row(row, config.classes) for row in reports.to_pylist()]
    failed = [FailedSlide.from_row(row) for row in failures.to_pylist()]
    path = workspace.published(PAGE)
    with output_errors(path), workspace.atomic_write(path) as file:
        file.write(render_gallery(slides, failed, config.classes, slides_with_picture(pictures)).encode())


def _remove_gallery(workspace: Workspace) -> None:
    path, pictures = workspace.published(PAGE), remove_previews(workspace)
    removed = [f"{pictures:,} picture{'' if pictures == 1 else 's'}"] if pictures else []
    if _is_page(path, workspace):
        workspace.storage.remove(path)
        removed.append(PAGE)
    if removed:
        run_log().warning("previews are off: removed %s of earlier runs", " and ".join(removed))


def _is_page(path: str, workspace: Workspace) -> bool:
    """Return True if a run wrote the file."""
    return GENERATOR.encode() in workspace.storage.read_head(path, HEAD_BYTES)
