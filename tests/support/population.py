"""A folder of slides that changes between runs, and what each run should say of it."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from flows.records.run_record import Summary
from tests.support.study import MASK_SIZE, random_labels, truncate, write_mask, write_study

MASKS = ("_tissue.tiff", "_classes.ome.tiff")


@dataclass(slots=True)
class Population:
    """Slides by name, with what was done to them since the last run."""

    folder: Path
    """Where they are."""
    random: Random
    """What happens to them."""
    here: set[str] = field(default_factory=set)
    """Slides that are there."""
    broken: set[str] = field(default_factory=set)
    """Of these, those with a broken overlay."""
    touched: set[str] = field(default_factory=set)
    """Slides that a run has to open: new, replaced, broken or repaired since the last one."""
    covered: set[str] = field(default_factory=set)
    """Slides whose coverage is in the tables, also of those that are gone."""
    made: int = 0
    """Slides ever made."""

    def add(self, many: int) -> None:
        """New slides, each with two masks."""
        names = [f"slide {number:05}" for number in range(self.made, self.made + many)]
        self.made += many
        write_study(self.folder, *names)
        self.here.update(names)
        self.touched.update(names)

    def change(self, share: float) -> None:
        """For each of five kinds of change, some share of the slides."""
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
        """Some of them at random."""
        return self.random.sample(sorted(names), min(many, len(names)))

    def replace_overlay(self, name: str) -> None:
        """Another mask in the same place."""
        write_mask(self.folder / f"{name}_tissue.tiff", random_labels(self.random.getrandbits(32), (0, 255), MASK_SIZE))
        self.touched.add(name)

    def remove(self, name: str) -> None:
        """A slide and its masks go."""
        for suffix in (".tiff", *MASKS):
            (self.folder / f"{name}{suffix}").unlink()
        self.here.discard(name)
        self.touched.discard(name)

    def expected(self) -> dict[str, int]:
        """The counts of the next run."""
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
        """A run has dealt with all of this; what is broken it will try again."""
        self.covered = (self.covered - self.broken) | (self.here - self.broken)
        self.touched = set(self.broken)

    def may_be_opened(self) -> set[str]:
        """Files that a run may open."""
        return {f"{name}{suffix}" for name in self.touched for suffix in (".tiff", *MASKS)}


def counts(summary: Summary) -> dict[str, int]:
    """What a run says."""
    return {name: getattr(summary, name) for name in ("found", "new", "changed", "unchanged", "put_aside", "gone")}


def resources() -> tuple[float, int]:
    """Memory in MB and open files of this process, which drives the runs (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(os.listdir("/proc/self/fd"))
