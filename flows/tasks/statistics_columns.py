"""The columns of the statistics of an overlay."""

from dataclasses import dataclass

import pyarrow as pa

from flows.config.overlay import Overlay
from ratiopath.overlays import Overlay as OpenOverlay
from ratiopath.overlays import TileWindows
from ratiopath.statistics.results import Scale, Statistics


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


def measure_statistics(opened: OpenOverlay, windows: TileWindows, settings: Overlay) -> MeasuredStatistics:
    """Measure the statistics of an overlay, if it has any.

    Raises:
        SlideError: The overlay cannot be read in full, or holds no numbers.
    """
    if not settings.stats:
        return MeasuredStatistics(None)
    scale = Scale() if settings.scale is None else Scale(*settings.scale)
    found = opened.statistics(windows, scale.in_file(settings.statistics))
    return MeasuredStatistics(Statistics(settings.statistics, found.values, found.inside, found.existing).scaled(scale))
