"""The result of a sweep in a few lines, and as JSON."""

from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter

from flows.analysis.thresholds.sweep_output import FILES, Sweep
from flows.analysis.thresholds.sweep_tables import SWEEP
from flows.config.excerpt import first_of
from flows.records.fingerprints import Json
from ratiopath.remote.names import name_of

SHOWN = (0.25, 0.5, 0.75)
"""Thresholds of the lines; the next one that was swept stands for each."""
MAX_CLASSES = 30
"""Classes that the lines list."""
MAX_NAMES = 20
"""Slides that the lines name."""


def lines_of(sweep: Sweep) -> list[str]:
    """Format a sweep: some thresholds of each class, the funnel, the slides that drop out and the files."""
    return list(_lines(sweep))


def _lines(sweep: Sweep) -> Iterator[str]:
    total = sweep.funnel[0]["tiles_in_order"]
    yield f"{_count(sweep.slides, 'slide')}, {_count(total, 'tile')}"
    if sweep.absent:
        yield f"{_count(sweep.absent, 'slide')} without a file in coverage/, since the run put them aside: not counted"
    if sweep.gone:
        yield f"{_count(sweep.gone, 'file')} in coverage/ of slides that are gone: not counted"
    shown = {min(one for one in sweep.options.thresholds.tolist() if one >= wanted) for wanted in SHOWN}
    for _, rows in islice(groupby(sweep.rows, key=itemgetter("class")), MAX_CLASSES):
        first, *others = rows
        left = [row for row in others if row["threshold"] in shown]
        counts = [f"{row['tiles']:,} in {_count(row['slides'], 'slide')} at {row['threshold']:.10g}" for row in left]
        area = "area unknown" if first["mm2"] is None else f"{first['mm2']:.3g} mm²"
        yield f"{first['class']}: {_count(first['tiles'], 'tile')}, {area}; left {', '.join(counts)}"
    if (classes := len({row["class"] for row in sweep.rows})) > MAX_CLASSES:
        yield f"and {_count(classes - MAX_CLASSES, 'class', 'classes')} more: see {SWEEP}"
    for row in sweep.funnel[1:]:
        alone = f"alone {_count(row['tiles_alone'], 'tile')} in {_count(row['slides_alone'], 'slide')}"
        in_order = f"in order {_count(row['tiles_in_order'], 'tile')} in {_count(row['slides_in_order'], 'slide')}"
        yield f"keep: {row['part']}: {alone}; {in_order}"
    if sweep.dropped:
        listed = first_of([f"{name_of(one.path)} ({one.tiles})" for one in sweep.dropped], MAX_NAMES)
        than = _count(sweep.options.least, "tile")
        yield f"keep leaves {_count(len(sweep.dropped), 'slide')} fewer than {than}: {listed}"
    yield f"wrote {', '.join(FILES)} to {sweep.folder}"


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def content_of(sweep: Sweep) -> Json:
    """Return a sweep as a JSON object: the rows of sweep.csv and funnel.csv, and the slides that drop out."""
    return {
        "folder": sweep.folder,
        "files": list(FILES),
        "slides": sweep.slides,
        "slides_without_coverage": sweep.absent,
        "slides_gone": sweep.gone,
        "put_aside": list(sweep.put_aside),
        "per_slide_min": sweep.options.least,
        "keep": sweep.options.keep,
        "sweep": list(sweep.rows),
        "funnel": list(sweep.funnel),
        "dropped": [{"slide_id": one.slide_id, "path": one.path, "tiles": one.tiles} for one in sweep.dropped],
    }
