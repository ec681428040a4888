"""Format `hs2p`: coordinates that hs2p and slide2vec take instead of tiling the slides themselves."""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import yaml

from flows.config.model import CoverageConfig
from flows.config.tiling import Tiling
from flows.exports.column_names import refuse_taken
from flows.exports.export_format import ExportedSlide
from flows.exports.formats.hs2p_metadata import (
    BACKEND,
    FILTERING,
    SEGMENTATION,
    metadata,
    overlap_of,
    requested_spacing,
)
from flows.exports.slide_list import write_list
from flows.exports.square_tiles import SquareTiles

ARRAYS = ("tile_index", "x", "y", "tissue_fractions")
"""Arrays that hs2p reads."""
SETTINGS = "slide2vec.yaml"
"""File of the settings to use with the coordinates."""
PROCESS_LIST = (
    *("sample_id", "annotation", "output_mode", "image_path", "mask_path", "requested_backend", "backend"),
    *("requested_mask_backend", "mask_backend", "spacing_at_level_0", "tiling_status", "num_tiles"),
    *("coordinates_npz_path", "coordinates_meta_path", "tiles_tar_path", "mask_preview_path", "tiling_preview_path"),
    *("error", "traceback"),
)
"""Columns of process_list.csv."""


@dataclass(frozen=True, slots=True)
class Hs2pFormat:
    """Files tiles/{name}.coordinates.npz and .coordinates.meta.json, process_list.csv, slides.csv and slide2vec.yaml.

    Coordinates are top-left corners in pixels of level 0, sorted by x, then y, as hs2p sorts them. hs2p refuses a JSON
    file with other keys than its own, and takes coordinates only if every setting is equal to that of its
    configuration; slide2vec.yaml has these settings. The keys are those of hs2p 6.1.0 (hs2p/tiling/io.py), the
    comparisons those of hs2p/artifacts.py.
    """

    name: ClassVar[str] = "hs2p"
    reader: ClassVar[str] = "hs2p 6.1"
    taken: ClassVar[tuple[str, ...]] = ARRAYS
    tiling: Tiling
    """Tiling of all slides."""

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the coordinates of one slide; only the JSON file if it has no tiles.

        Raises:
            MissingMppError: The slide has no resolution.
            InvalidMppError: Its resolutions along x and y differ.
            UnsuitableTilesError: Tiles are not square, or do not follow each other at one stride of at most their side.
            ConfigurationError: A class has the name of an array of hs2p.
        """
        refuse_taken(exported.classes, ARRAYS, self.name)
        tiles = SquareTiles.of(exported, "hs2p")
        order = np.lexsort((tiles.corners[:, 1], tiles.corners[:, 0]))
        content = metadata(exported, tiles.side, self.tiling)
        target = folder / "tiles"
        target.mkdir()
        if len(order):
            shares = {name: exported.tiles[name].to_numpy().astype(np.float32)[order] for name in exported.classes}
            arrays = {
                "tile_index": np.arange(len(order), dtype=np.int32),
                "x": tiles.corners[order, 0],
                "y": tiles.corners[order, 1],
                "tissue_fractions": shares.get("tissue", next(iter(shares.values()), np.ones(len(order), np.float32))),
                **shares,
            }
            _write_arrays(target / f"{exported.name}.coordinates.npz", arrays)
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (target / f"{exported.name}.coordinates.meta.json").write_text(text, encoding="utf-8")

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:  # noqa: ARG002 - the protocol's
        """Write the lists of slides, and the settings to use."""
        rows = [{"sample_id": one.name, "image_path": one.slide.path} for one in slides]
        write_list(folder / "slides.csv", ("sample_id", "image_path"), rows)
        write_list(folder / "process_list.csv", PROCESS_LIST, [_processed(one) for one in slides])
        spacings = Counter(requested_spacing(one.slide, self.tiling) for one in slides)
        text = "".join(f"# {line}\n" for line in _comments(spacings)) + yaml.safe_dump(
            self._settings(spacings), sort_keys=False
        )
        (folder / SETTINGS).write_text(text, encoding="utf-8")

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the settings to use."""
        own = f"csv: {folder}/slides.csv and tiling.read_coordinates_from: {folder}/tiles"
        yield f"merge {folder}/{SETTINGS} into the configuration of slide2vec, with {own}"

    def _settings(self, spacings: Mapping[float, int]) -> dict[str, Any]:
        tiling = self.tiling
        spacing = max(spacings, key=lambda one: (spacings[one], -one), default=tiling.mpp)
        params = {
            "requested_spacing_um": spacing,
            "tolerance": tiling.tolerance,
            "requested_tile_size_px": tiling.extent.width,
            "overlap": overlap_of(tiling),
        }
        return {
            "tiling": {
                "backend": BACKEND,
                "params": params,
                "seg_params": SEGMENTATION,
                "filter_params": FILTERING,
                "masks": {"min_coverage": {"tissue": 0.0}},
            }
        }


def _comments(spacings: Mapping[float, int]) -> Iterator[str]:
    yield "Merge into the configuration of slide2vec, and set csv and tiling.read_coordinates_from."
    if len(spacings) > 1:
        found = ", ".join(f"{spacing:g} ({count} slides)" for spacing, count in sorted(spacings.items()))
        yield f"requested_spacing_um differs, since a level is tiled: {found}; run slide2vec once for each."


def _processed(exported: ExportedSlide) -> dict[str, Any]:
    stem, count = f"tiles/{exported.name}.coordinates", exported.tiles.num_rows
    return {
        "sample_id": exported.name,
        "annotation": "tissue",
        "image_path": exported.slide.path,
        "requested_backend": BACKEND,
        "backend": BACKEND,
        "tiling_status": "success",
        "num_tiles": count,
        "coordinates_npz_path": f"{stem}.npz" if count else None,
        "coordinates_meta_path": f"{stem}.meta.json",
    }


def _write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write an .npz file; unlike numpy.savez, for arrays of any name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
