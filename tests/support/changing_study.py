"""A study that changes from run to run: slides, masks, the manifest and the configuration."""

import csv
import random
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flows.records.run_record import Summary
from tests.support import study
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import random_labels, truncate, write_mask, write_study

Kind = Literal["folder", "manifest", "detected"]
"""Slides of a folder with two masks each; of a manifest with ids, columns and masks; or with detected tissue."""
NAMES = ("s0", "s1", "s2", "s3")
"""Slides of a study."""
KEEPS = ("tissue >= 0.5", "tissue >= 0.25", None)
STAINED = {"overlays": {"tissue": {"detect": "saturation"}}, "tiling": {"mpp": 8, "tile_extent": 16}}


class ChangingStudy:
    """A few slides, of which any may be away, and the settings of the next run."""

    def __init__(self, root: Path, kind: Kind, rng: random.Random) -> None:
        self.folder, self.away, self.kind, self.rng = root / "slides", root / "away", kind, rng
        self.away.mkdir(parents=True)
        self.folder.mkdir()
        self.settings: dict[str, Any] = {"keep": KEEPS[0], "previews": True, "gone": "keep", "tolerate": 100}
        self.rows = {name: {"slide_id": f"id-{name}", "mpp": "", "patient": "1", "ann": name} for name in NAMES}
        if kind == "detected":
            for name in NAMES:
                self._stain(name)
        else:
            write_study(self.folder, *NAMES)
        self._write_manifest()

    def run(self, output: Path) -> Summary:
        """Run the flow as the study is now; a setting for one run is set back."""
        overlays = study.settings(self.folder)["overlays"]
        overlays["annotation"]["missing"] = "null"
        if self.kind == "manifest":
            overlays["annotation"]["path"] = {"column": "ann"}
            changes = {"slides": str(self.folder / "m.csv"), "columns": ["patient"], "overlays": overlays}
        else:
            changes = STAINED if self.kind == "detected" else {"overlays": overlays}
        once = {name: self.settings.pop(name) for name in ("force", "changes") if name in self.settings}
        state = study.run(self.folder, output=str(output), **{**changes, **self.settings, **once})
        result = state.result(raise_on_failure=False)
        if isinstance(result, Summary):
            return result
        raise result

    def change(self) -> str:
        """Change something, or nothing; return what."""
        kinds = [
            self.remove, self.remove_all, self.bring_back, self.replace_input, self.swap_inputs, self.lose_input,
            self.spoil_input, self.filter, self.draw, self.drop, self.force, self.compare_content, self.stay,
        ]  # fmt: skip
        if self.kind == "manifest":
            kinds += [self.rename, self.exchange_ids, self.label, self.set_mpp, self.set_annotation]
        kind = self.rng.choice(kinds)
        kind()
        self._write_manifest()
        return kind.__name__

    def here(self) -> list[str]:
        """Return the slides that are in the folder."""
        return [name for name in NAMES if (self.folder / f"{name}.tiff").exists()]

    def stay(self) -> None:
        """Change nothing."""

    def remove(self) -> None:
        """Take a slide away, with its masks."""
        for name in self.here()[:1]:
            self._move(name)

    def remove_all(self) -> None:
        """Take all slides away."""
        for name in self.here():
            self._move(name)

    def bring_back(self) -> None:
        """Bring back all that was taken away, as it was."""
        for path in self.away.iterdir():
            path.rename(self.folder / path.name)

    def replace_input(self) -> None:
        """Replace a mask, or a slide whose tissue is detected."""
        for name in self._some():
            if self.kind == "detected":
                self._stain(name)
            else:
                write_mask(self.folder / f"{name}_tissue.tiff", random_labels(self.rng.randrange(1000), (0, 255)))

    def swap_inputs(self) -> None:
        """Exchange the masks of two slides, or the slides, with their times."""
        files = sorted(self.folder.glob("s?.tiff" if self.kind == "detected" else "s?_tissue.tiff"))[:2]
        if len(files) == 2:
            between = self.folder / "between"
            files[0].rename(between)
            files[1].rename(files[0])
            between.rename(files[1])

    def lose_input(self) -> None:
        """Take a file away."""
        path = self.rng.choice([*self._inputs(), self.folder / "none"])
        if path.exists():
            path.rename(self.away / path.name)

    def spoil_input(self) -> None:
        """Cut a file off."""
        for path in self._inputs()[-1:]:
            truncate(path, 0.5)

    def filter(self) -> None:
        """Set another `keep`."""
        self.settings["keep"] = self.rng.choice(KEEPS)

    def draw(self) -> None:
        """Switch previews on or off."""
        self.settings["previews"] ^= True

    def drop(self) -> None:
        """Drop slides that are gone, or keep them from now on."""
        self.settings["gone"] = {"keep": "drop", "drop": "keep"}[self.settings["gone"]]

    def force(self) -> None:
        """Measure all slides again in the next run."""
        self.settings["force"] = True

    def compare_content(self) -> None:
        """Have the next run read the inputs to find changes."""
        self.settings["changes"] = "content"

    def rename(self) -> None:
        """Give a slide an id that differs from its last one by case only."""
        row = self.rows[self.rng.choice(NAMES)]
        row["slide_id"] = row["slide_id"].swapcase()

    def exchange_ids(self) -> None:
        """Give two slides the id of each other."""
        one, other = (self.rows[name] for name in self.rng.sample(NAMES, 2))
        one["slide_id"], other["slide_id"] = other["slide_id"], one["slide_id"]

    def label(self) -> None:
        """Change a cell that goes through to the tables."""
        self.rows[self.rng.choice(NAMES)]["patient"] = str(self.rng.randrange(3))

    def set_mpp(self) -> None:
        """Change the resolution that is given for a slide."""
        self.rows[self.rng.choice(NAMES)]["mpp"] = self.rng.choice(["", "0.5", "0.25"])

    def set_annotation(self) -> None:
        """Change the file that is a slide's annotation."""
        self.rows[self.rng.choice(NAMES)]["ann"] = self.rng.choice(["", *NAMES])

    def _some(self) -> list[str]:
        return self.rng.sample(self.here(), min(2, len(self.here())))

    def _inputs(self) -> list[Path]:
        found = sorted(self.folder.glob("s*.tiff"))
        return self.rng.sample(found, len(found))

    def _stain(self, name: str) -> None:
        """Write a slide with a square of tissue at a place of its own."""
        pixels = np.full((96, 96, 3), (243, 241, 244), dtype="uint8")
        left = self.rng.randrange(50)
        pixels[20:60, left : left + 40] = (210, 130, 180)
        LAYOUTS["deflate"].write(self.folder / f"{name}.tiff", Raster((pixels,), (8.0, 8.0)))

    def _move(self, name: str) -> None:
        for path in self.folder.glob(f"{name}*"):
            path.rename(self.away / path.name)

    def _write_manifest(self) -> None:
        with (self.folder / "m.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "slide_id", "mpp", "patient", "ann"])
            for name in self.here():
                row = self.rows[name]
                annotation = f"{row['ann']}_classes.ome.tiff" if row["ann"] else ""
                writer.writerow([f"{name}.tiff", row["slide_id"], row["mpp"], row["patient"], annotation])
