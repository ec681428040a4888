"""Format `clam`: coordinates on level 0 that CLAM, wsinfer and Mussel read."""

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from flows.config.model import CoverageConfig
from flows.exports.export_format import ExportedSlide
from flows.exports.slide_list import read_list, write_list
from flows.exports.square_tiles import SquareTiles
from ratiopath.remote.uri import is_uri
from ratiopath.slides.paths import slide_suffix

PROCESS_LIST = "process_list_autogen.csv"
"""List of the slides that have coordinates, for `--csv_path`."""
COLUMNS = ("slide_id", "process", "status", "path")
"""Columns of the list; CLAM reads slide_id only."""


@dataclass(frozen=True, slots=True)
class ClamFormat:
    """Files `patches/{name}.h5`, and the list of slides that CLAM's extraction follows.

    CLAM counts patch_size in px of patch_level, wsinfer and Mussel in px of level 0. With patch_level 0 both mean the
    same, on every pyramid. A slide without tiles has no file and is not in the list: CLAM stops at a file that is
    absent, and fails on an empty one.
    """

    name: ClassVar[str] = "clam"
    reader: ClassVar[str] = "CLAM of April 2025, wsinfer 0.6.1"

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the coordinates of one slide; none without tiles.

        Raises:
            InvalidMppError: Its resolutions along x and y differ.
            UnsuitableTilesError: Its tiles are not square, or not on level 0.
        """
        slide, tiles = exported.slide, SquareTiles.of(exported, "CLAM")
        if not len(tiles.corners):
            return
        extent = (slide.level0_extent.width, slide.level0_extent.height)
        attributes: dict[str, Any] = {
            "patch_level": 0,
            "patch_size": tiles.side,
            "downsample": (1.0, 1.0),
            "downsampled_level_dim": extent,
            "level_dim": extent,
            "name": exported.name,
            "save_path": "patches",
        }
        if slide.mpp:
            attributes["patch_spacing_um_px"] = slide.mpp.x
        tiles.write(folder / "patches" / f"{exported.name}.h5", attributes)

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Write process_list_autogen.csv; with several suffixes, one more per suffix, since CLAM takes one at a time.

        Slides are listed by the name of their files and the suffix of the slide, which CLAM cuts off again.
        """
        lists: dict[str, list[dict[str, Any]]] = {}
        for exported in slides:
            if exported.tiles.num_rows:
                suffix = slide_suffix(exported.slide.path)
                row = {"slide_id": exported.name + suffix, "process": 0, "status": "processed"}
                lists.setdefault(suffix, []).append({**row, "path": exported.slide.path})
        write_list(folder / PROCESS_LIST, COLUMNS, [row for rows in lists.values() for row in rows])
        if len(lists) > 1:
            for suffix, rows in lists.items():
                write_list(folder / _list_of(suffix), COLUMNS, rows)

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the commands that extract features, one per suffix of the slides."""
        rows = read_list(folder, PROCESS_LIST)
        if not rows:
            yield "no slide has tiles; there is nothing to extract"
            return
        folders = {posixpath.dirname(row["path"]) for row in rows}
        slides = folders.pop()
        is_remote = any(is_uri(row["path"]) for row in rows)
        if folders or is_remote or any(posixpath.basename(row["path"]) != row["slide_id"] for row in rows):
            slides = "LINKS"
            made = "a copy named as column slide_id of" if is_remote else "a link named as column slide_id to"
            yield f"make a folder {slides} with {made} column path, for each row of {PROCESS_LIST}"
        suffixes = list(dict.fromkeys(slide_suffix(row["slide_id"]) for row in rows))
        for suffix in suffixes:
            listed = PROCESS_LIST if len(suffixes) == 1 else _list_of(suffix)
            words = ["--data_h5_dir", folder, "--data_slide_dir", slides, "--csv_path", posixpath.join(folder, listed)]
            words += ["--slide_ext", suffix, "--feat_dir", posixpath.join(folder, "features")]
            yield f"python extract_features_fp.py {shlex.join(words)}"


def _list_of(suffix: str) -> str:
    return PROCESS_LIST.replace(".csv", f"{suffix}.csv")
