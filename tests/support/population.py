"""A folder of slides that changes between runs, and the expected counts of each run."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from flows.records.run_record import Summary
from tests.support.study import MASK_SIZE, random_labels, truncate, write_mask, write_study

MASKS = ("_tissue.tiff", "_classes.ome.tiff")


@dataclass(slots=True)
class Population:
    """Slides by name, with the changes since the last run."""

    folder: Path
    """Folder of the slides."""
    random: Random
    """Source of the changes."""
    here: set[str] = field(default_factory=set)
    """Slides in the folder."""
    broken: set[str] = field(default_factory=set)
    """Slides in the folder with a broken overlay."""
    touched: set[str] = field(default_factory=set)
    """Slides that the next run must open: new, replaced, broken or repaired since the last run."""
    covered: set[str] = field(default_factory=set)
    """Slides in the tables, gone ones too."""
    made: int = 0
    """Number of slides ever made."""

    def add(self, many: int) -> None:
        """Add new slides with two masks each."""
        names = [f"slide {number:05}" for number in range(self.made, self.made + many)]
        self.made += many
        write_study(self.folder, *names)
        self.here.update(names)
        self.touched.update(names)

    def change(self, share: float) -> None:
        """Apply each of five kinds of change to a share of the slides."""
        many = max(1, round(share * len(self.here)))
        repaired, whole = self.some(self.broken, many), self.some(self.here - self.broken, 3 * many)
        for name in whole[:many]:
            self.replace_overlay(name)
        for name in whole[many : 2 * many]:
            truncate(self.folder / f"{name}_tissue.tiff")
            self.broken.add(name)
            self.touched.add(name)
        for name in whole[2 * many :]:
            self.remove(name)
        for name in repaired:
            self.replace_overlay(name)
            self.broken.discard(name)
        self.add(many)

    def some(self, names: set[str], many: int) -> list[str]:
        """Choose some names at random."""
        return self.random.sample(sorted(names), min(many, len(names)))

    def replace_overlay(self, name: str) -> None:
        """Write another mask to the same path."""
        write_mask(self.folder / f"{name}_tissue.tiff", random_labels(self.random.getrandbits(32), (0, 255), MASK_SIZE))
        self.touched.add(name)

    def remove(self, name: str) -> None:
        """Remove a slide and its masks."""
        for suffix in (".tiff", *MASKS):
            (self.folder / f"{name}{suffix}").unlink()
        self.here.discard(name)
        self.touched.discard(name)

    def expected(self) -> dict[str, int]:
        """Return the expected counts of the next run."""
        whole = self.here - self.broken
        return {
            "found": len(self.here),
            "new": len(whole - self.covered),
            "changed": len(whole & self.covered & self.touched),
            "unchanged": len(whole & self.covered - self.touched),
            "put_aside": len(self.broken),
            "gone": len(self.covered - self.here),
        }

    def ran(self) -> None:
        """Note a run: only broken slides are tried again."""
        self.covered = (self.covered - self.broken) | (self.here - self.broken)
        self.touched = set(self.broken)

    def may_be_opened(self) -> set[str]:
        """List the files that the next run may open."""
        return {f"{name}{suffix}" for name in self.touched for suffix in (".tiff", *MASKS)}


def counts(summary: Summary) -> dict[str, int]:
    """Return the counts of a run."""
    return {name: getattr(summary, name) for name in ("found", "new", "changed", "unchanged", "put_aside", "gone")}


def resources() -> tuple[float, int]:
    """Measure memory in MB and open files of this process, the driver of the runs (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(os.listdir("/proc/self/fd"))
