"""The funnel of `keep`: the tiles and slides that its parts leave, each alone and one after the other.

    alone       tiles where the part is true
    in order    tiles where it and all parts before it are true: after the last part, the tiles that `keep` keeps

A part is what `and` joins. A part that is null, since a class is unknown, is not true, and keeps no tile.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import acero

from flows.config.keep_expression import Part


class SlideFunnel:
    """Tiles of one slide that the parts keep; the first number stands before the first part, for all tiles."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Begin without tiles.

        Args:
            parts: Parts of the condition, in order.
        """
        self._parts = parts
        self.alone = np.zeros(len(parts) + 1, np.int64)
        """Tiles that each part keeps alone."""
        self.in_order = np.zeros(len(parts) + 1, np.int64)
        """Tiles that it and the parts before it keep."""

    def add(self, group: pa.Table) -> None:
        """Add tiles of coverage/, with the columns that the parts name."""
        kept = np.ones((len(self._parts) + 1, group.num_rows), np.bool_)
        kept[1:] = are_true(group, self._parts)
        self.alone += kept.sum(axis=1)
        self.in_order += np.logical_and.accumulate(kept, axis=0).sum(axis=1)


def are_true(group: pa.Table, parts: Sequence[Part]) -> npt.NDArray[np.bool_]:
    """Evaluate the parts on tiles.

    Returns:
        True where a part is true, False where it is false or null; bool, (parts, tiles).
    """
    if not parts or not group.num_rows:
        return np.zeros((len(parts), group.num_rows), np.bool_)
    plan = acero.Declaration.from_sequence(
        [
            acero.Declaration("table_source", acero.TableSourceNodeOptions(group)),
            acero.Declaration(
                "project",
                acero.ProjectNodeOptions([part.expression for part in parts], [str(n) for n in range(len(parts))]),
            ),
        ]
    )
    found = plan.to_table(use_threads=False)  # threads would change the order
    return np.stack([column.fill_null(fill_value=False).to_numpy().astype(np.bool_) for column in found.columns])


class CohortFunnel:
    """Sums over slides, which take no more memory for more slides."""

    def __init__(self, parts: int, least: int) -> None:
        """Begin without slides.

        Args:
            parts: Number of parts.
            least: Number of tiles below which a slide drops out.
        """
        self._least = least
        self.tiles_alone, self.slides_alone, self.tiles, self.slides, self.slides_below = np.zeros(
            (5, parts + 1), np.int64
        )

    def add(self, slide: SlideFunnel) -> None:
        """Add a slide."""
        self.tiles_alone += slide.alone
        self.slides_alone += slide.alone > 0
        self.tiles += slide.in_order
        self.slides += slide.in_order > 0
        self.slides_below += slide.in_order < self._least
