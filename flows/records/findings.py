"""Findings about the overlays of a slide, made while they are measured."""

from dataclasses import dataclass, field
from typing import Any

from flows.records.fingerprints import Json
from ratiopath.overlays.alignment import Alignment


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings about a slide's overlays."""

    suspicions: list[str] = field(default_factory=list)
    """Sentences that a person should look at; the part before a colon is the same for all slides."""
    notes: list[str] = field(default_factory=list)
    """Remarks that need no review."""
    alignments: dict[str, Json] = field(default_factory=dict)
    """Alignment of each image by overlay, see `add_alignment`."""

    def add_alignment(self, overlay: str, alignment: Alignment) -> None:
        """Add the alignment of an image, and its remark.

        Args:
            overlay: Name of the overlay.
            alignment: The decision and its numbers.
        """
        self.alignments[overlay] = {
            "case": alignment.case,
            "scale": _pair(alignment.scale),
            "downsample": _pair(alignment.downsample),
            "drift": _pair(alignment.drift),
        }
        if alignment.remark is not None:
            found = self.suspicions if alignment.is_suspicious else self.notes
            found.append(f"overlay {overlay} {alignment.remark}")

    def to_json(self) -> dict[str, Any]:
        """Return the entries of a partial report."""
        return {"suspicions": self.suspicions, "notes": self.notes, "alignments": self.alignments}


def _pair(numbers: tuple[float, float] | None) -> list[float] | None:
    return None if numbers is None else list(numbers)
