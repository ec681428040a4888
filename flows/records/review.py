"""Review of a run: classes whose values occur nowhere, and slides that a person should look at."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import pyarrow as pa

from flows.config.excerpt import first_of
from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.storage.slices import in_slices
from ratiopath.counting.values import sort_key
from schemas.slide_report import mean_of

MAX_VALUES = 10
"""Largest number of values, and of reasons, that a line names."""


@dataclass(frozen=True, slots=True)
class AbsentClass:
    """A class of which no value occurs in the tiles of some slides."""

    name: str
    """Name of the class."""
    overlay: str
    """Name of its overlay."""
    values: tuple[str, ...]
    """Values of the class."""
    slides: int
    """Slides with pixels of the overlay."""
    absent: int
    """Slides among these in which no value of the class occurs."""
    found: tuple[tuple[str, int], ...]
    """Values that occur in those slides instead, each with the number of slides, the commonest first."""

    @property
    def is_unmatched(self) -> bool:
        """True if no value of the class occurs in any slide."""
        return self.absent == self.slides

    def __str__(self) -> str:
        if not self.slides:
            return f"class {self.name} matches nothing: no slide has pixels of overlay {self.overlay}"
        values = first_of(self.values, MAX_VALUES)
        found = f"overlay {self.overlay} has {_counted(self.found)}"
        if self.is_unmatched:
            hint = f"hint: correct overlays.{self.overlay}.classes.{self.name}"
            return f"class {self.name} matches nothing: {values} in none of {self.slides:,} slides; {found}; {hint}"
        return f"class {self.name}: {values} not in {self.absent:,} of {self.slides:,} slides; there {found}"


@dataclass(frozen=True, slots=True)
class Review:
    """Findings about all slides in the tables."""

    slides: int = 0
    """Slides in the tables."""
    to_review: int = 0
    """Slides with a reason to review them."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Slides of each reason, the commonest first."""
    absent: tuple[AbsentClass, ...] = ()
    """Classes of which no value occurs in some slides, or in any."""

    @classmethod
    def of(cls, reports: pa.Table, config: CoverageConfig) -> Self:
        """Review the slides in the tables.

        Args:
            reports: Table of `schemas.slide_report`.
            config: The configuration.
        """
        reasons: Counter[str] = Counter()
        to_review = 0
        for found in in_slices(reports["suspicions"]):
            to_review += bool(found)
            reasons.update(sorted({reason_of(suspicion) for suspicion in found}))
        absent = []
        for overlay, settings in config.overlays.items():
            for name, named in settings.classes.items():
                texts, commonest = tuple(str(value) for value in named), _Commonest()
                slides = 0
                for values, mean in zip(in_slices(reports["values"]), in_slices(reports[mean_of(name)]), strict=True):
                    there = dict(values).get(overlay) or []
                    slides += bool(there)
                    if there and not mean:
                        commonest.add(there)
                if commonest.slides or (reports.num_rows and not slides):
                    absent.append(AbsentClass(name, overlay, texts, slides, commonest.slides, commonest.found))
        return cls(reports.num_rows, to_review, dict(reasons.most_common()), tuple(absent))

    @property
    def is_clean(self) -> bool:
        """True if every class matches something and no slide is to be reviewed."""
        return not self.to_review and not any(one.is_unmatched for one in self.absent)

    @property
    def lines(self) -> list[str]:
        """Findings, one line each; empty if there are none."""
        lines = [str(one) for one in sorted(self.absent, key=lambda one: not one.is_unmatched)]
        if self.to_review:
            reasons = _counted(self.reasons.items())
            lines.append(f"{self.to_review:,} of {self.slides:,} slides to review: {reasons}")
        return lines

    def to_json(self) -> Json:
        """Return the entry of run.json."""
        classes: list[dict[str, Any]] = [
            {**asdict(one), "found": [{"value": value, "slides": slides} for value, slides in one.found]}
            for one in self.absent
        ]
        return {"to_review": self.to_review, "reasons": dict(self.reasons), "absent_classes": classes}


def reason_of(suspicion: str) -> str:
    """Return the part of a suspicion that it has in common with those of other slides: all before a colon."""
    return suspicion.partition(": ")[0]


class _Commonest:
    """Counts the slides of each value; ties are ordered by rank within the slides."""

    def __init__(self) -> None:
        self.slides = 0
        self._counts, self._ranks = Counter[str](), defaultdict[str, int](int)

    def add(self, values: Sequence[str]) -> None:
        """Add the values of a slide, the commonest first."""
        self.slides += 1
        for rank, value in enumerate(values):
            self._counts[value] += 1
            self._ranks[value] += rank

    @property
    def found(self) -> tuple[tuple[str, int], ...]:
        """Values with the number of slides of each, the commonest first."""
        counts = self._counts
        ordered = sorted(counts, key=lambda value: (-counts[value], self._ranks[value], sort_key(value)))
        return tuple((value, counts[value]) for value in ordered[:MAX_VALUES])


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    """List texts, each with its number of slides."""
    shown = ((text if text.isprintable() else repr(text), count) for text, count in counts)  # labels are texts of files
    return first_of([f"{text} ({count:,} slide{'s' if count > 1 else ''})" for text, count in shown], MAX_VALUES)
