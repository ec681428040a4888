"""The names of statistics, as a user writes them: mean, min, max, std, q95, share>=0.5."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

from ratiopath.errors import ParameterError

MAX_NAME = 40
"""Characters of a statistic."""
MAX_STATISTICS = 32
"""Statistics of one overlay."""
MAX_PERCENT = 100
"""Largest percentage of a quantile."""
Kind = Literal["mean", "min", "max", "std", "quantile", "share"]
Comparison = Literal[">=", "<=", ">", "<"]
_PLAIN: tuple[Kind, ...] = ("mean", "min", "max", "std")
_QUANTILE = re.compile(r"q(\d+(?:\.\d+)?)", re.ASCII)
_SHARE = re.compile(r"share\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)", re.ASCII)
_WORDS = {">=": "ge", "<=": "le", ">": "gt", "<": "lt"}
_HINT = "give mean, min, max, std, a quantile in percent such as q95, or a share such as share>=0.5"


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that sums up the pixels of a tile."""

    kind: Kind
    """Kind of the number."""
    number: float = 0.0
    """Percentage of a quantile, 0 to 100, or the threshold of a share; 0 for other kinds."""
    comparison: Comparison = ">="
    """Comparison of a pixel with the threshold of a share."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a statistic.

        Args:
            text: mean, min, max, std, qNN with the percentage NN, or share with >=, <=, > or < and a threshold.

        Raises:
            ParameterError: The text is none of these.

        Examples:
            >>> Statistic.parse("q97.5").column
            'q97_5'
            >>> Statistic.parse("share >= 0.50").column
            'share_ge_0_5'
        """
        name = text.strip() if len(text) <= MAX_NAME else ""
        for kind in _PLAIN:
            if name == kind:
                return cls(kind)
        if (quantile := _QUANTILE.fullmatch(name)) and float(quantile[1]) <= MAX_PERCENT:
            return cls("quantile", float(quantile[1]))
        for comparison in _WORDS:
            if (share := _SHARE.fullmatch(name)) and share[1] == comparison:
                return cls("share", float(share[2]) + 0.0, comparison)  # type: ignore[arg-type]  # a key of _WORDS
        shown = repr(text) if len(text) <= MAX_NAME else f"{text[:MAX_NAME]!r}..."
        raise ParameterError(f"{shown} is no statistic; {_HINT}")

    def __str__(self) -> str:
        if self.kind == "quantile":
            return f"q{_decimal(self.number)}"
        return f"share{self.comparison}{_decimal(self.number)}" if self.kind == "share" else self.kind

    @property
    def column(self) -> str:
        """End of the column's name: mean, q97_5, share_ge_0_5; a threshold below 0 begins with minus_."""
        if self.kind == "quantile":
            return f"q{_digits(self.number)}"
        if self.kind == "share":
            return f"share_{_WORDS[self.comparison]}_{_digits(self.number)}"
        return self.kind


def parse_statistics(texts: Sequence[str]) -> tuple[Statistic, ...]:
    """Read the statistics of an overlay.

    Raises:
        ParameterError: There are none or more than MAX_STATISTICS, one is no statistic, or two are the same.
    """
    if isinstance(texts, str) or not 0 < len(texts) <= MAX_STATISTICS:
        found = f"{texts!r}" if isinstance(texts, str) else f"{len(texts)} statistics"
        raise ParameterError(f"found {found}; give a list of 1 to {MAX_STATISTICS}, such as ['mean', 'q95']")
    found_statistics = tuple(Statistic.parse(text) for text in texts)
    for place, one in enumerate(found_statistics):
        if one in found_statistics[:place]:
            raise ParameterError(f"the statistic {texts[place]!r} is given twice; remove one")
    return found_statistics


def _digits(number: float) -> str:
    """Write a number as a part of a name: no point, no sign, no exponent."""
    return _decimal(number).replace("-", "minus_").replace(".", "_")


def _decimal(number: float) -> str:
    """Write a number without exponent and without zeros that mean nothing."""
    return format(Decimal(repr(number)).normalize(), "f")
