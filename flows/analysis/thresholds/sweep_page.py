"""The page of a sweep: one self-contained HTML file with a slider for each class, safe for any name."""

from collections.abc import Mapping, Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.analysis.thresholds.sweep import ClassLeft, CohortLeft
from flows.analysis.thresholds.sweep_tables import Row
from flows.records.slides import Slide
from ratiopath.geometry import Float64s
from ratiopath.remote.names import name_of

PAGE = "sweep.html"
"""File of the page; it opens from the file system."""
GENERATOR = "ratiopath flows sweep"
GENERATOR_TAG = f'<meta name="generator" content="{GENERATOR}">'.encode()
"""Generator named in the head of the page, which marks a folder as one of a sweep."""
HEAD_BYTES = 1000
"""Number of leading bytes that contain the generator."""
MAX_COUNTS = 3_000_000
"""Largest number of counts in the page, 10 MB or so; beyond it, the page has totals, and slides.csv the counts."""
MAX_NAMED = 1_000
"""Largest number of slides in the page that `keep` leaves too few tiles of; slides_keep.csv has all."""


class PageSlides:
    """Counts of the slides in the page, dropped once they are too many."""

    def __init__(self, classes: Sequence[str], limit: int = MAX_COUNTS) -> None:
        """Begin without slides.

        Args:
            classes: Names of the classes, in order.
            limit: Largest number of counts.
        """
        self._classes, self._left = list(classes), limit
        self.is_complete = True
        """False if there are more counts than the limit; then no slide is listed."""
        self.names: list[str] = []
        """Name of each slide: the last part of its path."""
        self.counts: list[list[list[int]]] = [[] for _ in classes]
        """Tiles at each threshold, by class and slide; zeros at the end are left out."""

    def add(self, slide: Slide, left: Mapping[str, ClassLeft]) -> None:
        """Add a slide."""
        if not self.is_complete:
            return
        self.names.append(name_of(slide.path))
        for counts, name in zip(self.counts, self._classes, strict=True):
            counts.append(np.trim_zeros(left[name].tiles, "b").tolist())
            self._left -= len(counts[-1])
        if self._left < 0:
            self.is_complete, self.names, self.counts = False, [], [[] for _ in self._classes]


def render_sweep(
    thresholds: Float64s,
    least: int,
    slides: int,
    cohort: Mapping[str, CohortLeft],
    listed: PageSlides,
    keep: str | None,
    funnel: Sequence[Row],
    dropped: Sequence[tuple[str, int]],
) -> str:
    """Render the page.

    Args:
        thresholds: Thresholds, float64, ascending.
        least: Number of tiles below which a slide drops out.
        slides: Number of slides.
        cohort: Totals by class.
        listed: Counts of the slides.
        keep: Condition of the funnel, if there is one.
        funnel: Rows of funnel.csv.
        dropped: Path and tiles of each slide that `keep` leaves too few tiles of.

    Returns:
        HTML that loads nothing.
    """
    classes = [
        {
            "name": name,
            "tiles": left.tiles.tolist(),
            "slides": left.slides.tolist(),
            "below": left.slides_below.tolist(),
            "mm2": None if left.mm2 is None else [float(f"{area:.6g}") for area in left.mm2],
        }
        for name, left in cohort.items()
    ]
    content = {
        "thresholds": thresholds.tolist(),
        "least": least,
        "slides": slides,
        "classes": classes,
        "isListed": listed.is_complete,
        "names": listed.names,
        "counts": listed.counts,
        "funnel": list(funnel),
        "dropped": [[name_of(path), tiles] for path, tiles in dropped[:MAX_NAMED]],
    }
    environment = Environment(
        loader=PackageLoader("flows.analysis.thresholds", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("sweep.html")
    return page.render(generator=GENERATOR, sweep=content, keep=keep, funnel=funnel, dropped=len(dropped))
