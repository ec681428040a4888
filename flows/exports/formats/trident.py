"""Format `trident`: coordinates that TRIDENT extracts features from."""

import posixpath
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from flows.config.model import CoverageConfig
from flows.config.tiling import Tiling
from flows.exports.export_format import ExportedSlide
from flows.exports.slide_list import common_folder, read_list, write_list
from flows.exports.square_tiles import SquareTiles
from ratiopath.errors import MissingMppError
from ratiopath.remote.uri import is_uri
from ratiopath.slides.paths import slide_suffix

MPP_AT_1X = 10.0
"""Resolution that TRIDENT calls a magnification of 1, µm/px: level 0 at 0.25 µm/px is 40x."""
SLIDES = "slides.csv"
"""List of slides with their resolution, for `--custom_list_of_wsis`."""


@dataclass(frozen=True, slots=True)
class TridentFormat:
    """Files `{coordinates}/patches/{name}_patches.h5`, and the list of slides with their resolution.

    A slide without tiles has a file without coordinates, which TRIDENT counts as done.
    """

    name: ClassVar[str] = "trident"
    reader: ClassVar[str] = "TRIDENT 0.3.1"
    tiling: Tiling
    """Tiling of all slides: names the folder, and the size of a patch that an encoder gets."""

    @property
    def coordinates(self) -> str:
        """Folder of the coordinates as TRIDENT names it, such as 20x_256px_0px_overlap; level1_... without an mpp."""
        tiling = self.tiling
        target = f"level{tiling.level}" if tiling.mpp is None else f"{MPP_AT_1X / tiling.mpp:g}x"
        return f"{target}_{tiling.extent.width}px_{self.overlap}px_overlap"

    @property
    def overlap(self) -> int:
        """Pixels of the tiled resolution that neighbours along x share; 0 if there are gaps between them."""
        return max(0, self.tiling.extent.width - self.tiling.step.width)

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the coordinates of one slide.

        TRIDENT reads round(patch_size · level0_magnification / target_magnification) px of level 0 and resizes them to
        patch_size. Here the target follows from the side of the tiles on level 0, so that these px are the tile, also
        where the slide's level is not exactly at `tiling.mpp`.

        Raises:
            MissingMppError: The slide has no resolution.
            InvalidMppError: Its resolutions along x and y differ.
            UnsuitableTilesError: Its tiles are not square, or not on level 0.
        """
        slide = exported.slide
        if slide.level0_mpp is None:
            raise MissingMppError(
                f"slide {slide.path!r} has no level0_mpp_x, and TRIDENT needs the magnification of level 0",
                path=slide.path,
                hint="set slide_mpp, or a column mpp in the manifest, and run the flow again",
            )
        tiles = SquareTiles.of(exported, "TRIDENT")
        magnification = MPP_AT_1X / slide.level0_mpp.x
        patch_size = self.tiling.extent.width
        attributes = {
            "patch_size": patch_size,
            "patch_size_level0": tiles.side,
            "level0_magnification": magnification,
            "target_magnification": magnification * patch_size / tiles.side,
            "overlap": self.overlap,
            "name": exported.name,
            "savetodir": self.coordinates,
            "level0_width": slide.level0_extent.width,
            "level0_height": slide.level0_extent.height,
        }
        tiles.write(folder / self.coordinates / "patches" / f"{exported.name}_patches.h5", attributes)

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Write slides.csv: the slides relative to the deepest folder of all, their resolution and whole path or URI.

        TRIDENT reads files of this machine only, and finds a slide's coordinates by the name of its file. A slide that
        is exported under another name, or lies on a store, is listed under the name that a link or a copy has to have.
        """
        paths = [exported.slide.path for exported in slides]
        top = common_folder(paths) if paths else ""
        rows = [
            {"wsi": _listed(exported, top), "mpp": exported.slide.level0_mpp.x, "path": exported.slide.path}
            for exported in slides
            if exported.slide.level0_mpp is not None
        ]
        write_list(folder / SLIDES, ("wsi", "mpp", "path"), rows)

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the command that extracts features."""
        rows = read_list(folder, SLIDES)
        if not rows:
            yield "no slide was exported; there is nothing to extract"
            return
        wsi, path = rows[0]["wsi"], rows[0]["path"]
        top = path.removesuffix(wsi).rstrip("/") or "/"
        if not path.endswith(f"/{wsi}"):
            made = "a copy named as column wsi of" if is_uri(path) else "a link named as column wsi to"
            yield f"make a folder LINKS with {made} column path, for each row of {SLIDES}"
            top = "LINKS"
        words = ["--wsi_dir", top, "--custom_list_of_wsis", posixpath.join(folder, SLIDES), "--job_dir", folder]
        words += ["--coords_dir", self.coordinates, "--patch_encoder", "uni_v1"]
        yield f"python run_batch_of_slides.py --task feat {shlex.join(words)}"


def _listed(exported: ExportedSlide, top: str) -> str:
    path = exported.slide.path
    file = exported.name + slide_suffix(path)
    is_there = not is_uri(path) and posixpath.basename(path) == file
    return path.removeprefix(top).lstrip("/") if is_there else file
