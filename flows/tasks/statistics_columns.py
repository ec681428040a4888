"""The columns of the statistics of an overlay."""

from dataclasses import dataclass, replace

import pyarrow as pa

from flows.config.overlay import Overlay
from ratiopath.statistics.results import Scale, Statistics
from ratiopath.statistics.statistic import Statistic


@dataclass(frozen=True, slots=True)
class MeasuredStatistics:
    """Statistics of the tiles of a slide."""

    found: Statistics | None
    """Statistics, on the scale; None if the overlay has none."""

    @property
    def columns(self) -> list[pa.Array]:
        """A column for each statistic, null where there is no number."""
        return [] if self.found is None else [pa.array(one, from_pandas=True) for one in self.found.values.T]

    def known(self, path: str) -> list[pa.Array]:
        """Return the columns before the classes, of an overlay without overlaps: file, and share of the ROI known."""
        if self.found is None:
            return []
        inside = self.found.existing / self.found.inside
        return [pa.repeat(path, len(self.found)), pa.array(inside)]


def statistics_in_file(settings: Overlay) -> tuple[Statistic, ...]:
    """Return the statistics of an overlay, with thresholds in the numbers of its file."""
    return _scale(settings).in_file(settings.statistics)


def scaled_statistics(found: Statistics | None, settings: Overlay) -> MeasuredStatistics:
    """Convert the statistics of an overlay, measured in the numbers of its file, to its scale."""
    if found is None:
        return MeasuredStatistics(None)
    return MeasuredStatistics(replace(found, statistics=settings.statistics).scaled(_scale(settings)))


def _scale(settings: Overlay) -> Scale:
    return Scale() if settings.scale is None else Scale(*settings.scale)
