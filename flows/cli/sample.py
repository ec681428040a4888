"""Sample of a first run: synthetic slides that resemble H&E, their masks and annotations, and a configuration."""

import json
import os
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import numpy.typing as npt
import shapely
import tifffile
import yaml

from flows.config.model import CoverageConfig
from flows.config.yaml_file import read_yaml

WIDTH, HEIGHT = 4096, 3072
"""Extent of a slide, pixels."""
MPP = 0.5
"""Resolution of a slide, µm per pixel."""
CLASSES_MPP = 1.0
"""Resolution of the class mask, µm per pixel."""
TISSUE_MPP = 4.0
"""Resolution of the tissue mask, µm per pixel."""
STROMA, TUMOR, NECROSIS = 1, 2, 3
"""Values of the class mask."""
COLOURS = np.array([[243, 241, 244], [226, 160, 196], [196, 130, 184], [216, 188, 206]], dtype=np.uint8)
"""RGB colours of glass, stroma, tumor and necrosis."""
NUCLEI = {STROMA: 900, TUMOR: 5000, NECROSIS: 150}
"""Number of nuclei by class."""
TISSUE_ABOVE, TUMOR_ABOVE, NECROSIS_ABOVE = 0.38, 0.5, 0.68
"""Thresholds of smooth random fields in [0, 1]."""
BLOCK = 32
"""Side of the squares that a drawn outline is made of, pixels of the class mask."""
NUCLEUS = np.array([86, 50, 126], dtype=np.float32)
"""RGB colour of a nucleus."""

Pixels = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]


def make_sample(folder: str) -> CoverageConfig:
    """Write two slides with a tissue mask, a class mask and an annotation each, the same pixels every time.

    Args:
        folder: Folder to write to; the configuration goes there too, as coverage.yaml, and one that needs no mask, as
            tissue.yaml.

    Returns:
        The configuration.
    """
    slides = os.path.join(folder, "slides")
    os.makedirs(slides, exist_ok=True)
    for seed, stem in enumerate(("sample-a", "sample-b")):
        random = np.random.default_rng(seed)
        labels = _labels(random)
        levels = _halved(_stained(labels, random), times=3)
        if seed == 0:
            _write_tiff(f"{slides}/{stem}.tiff", levels, MPP, "jpeg")
        else:
            _write_ome_tiff(f"{slides}/{stem}.ome.tiff", levels, MPP, "jpeg")
        tissue = (labels[::4, ::4] > 0).astype(np.uint8) * np.uint8(255)
        _write_tiff(f"{slides}/{stem}_tissue_mask.tiff", [tissue], TISSUE_MPP, "deflate")
        _write_ome_tiff(f"{slides}/{stem}_classes.ome.tiff", [labels], CLASSES_MPP, "deflate")
        _write_geojson(f"{slides}/{stem}.geojson", {"Tumor": labels >= TUMOR, "Necrosis": labels == NECROSIS})
    for name, settings in (("tissue.yaml", _tissue_settings()), ("coverage.yaml", _settings())):
        with open(f"{folder}/{name}.unfinished", "w", encoding="utf-8") as file:
            yaml.safe_dump(settings, file, sort_keys=False)
        os.replace(file.name, f"{folder}/{name}")
    return CoverageConfig.model_validate(read_yaml(f"{folder}/coverage.yaml"))


def _settings() -> dict[str, Any]:
    return {
        "slides": "slides/",
        "output": "coverage/",
        "tiling": {"mpp": MPP, "tile_extent": 256},
        "overlays": {
            "tissue": {"path": "{dir}/{stem}_tissue_mask.tiff", "classes": {"tissue": [255]}},
            "annotation": {
                "path": "{dir}/{stem}_classes.ome.tiff",
                "classes": {"stroma": [STROMA], "tumor": [TUMOR], "necrosis": [NECROSIS]},
            },
            "drawn": {"path": "{dir}/{stem}.geojson", "classes": {"drawn_tumor": ["Tumor"]}},
        },
        "keep": "tissue >= 0.5 and tumor > necrosis",
    }


def _tissue_settings() -> dict[str, Any]:
    """Return a configuration for the same slides that reads no mask; those in their folder are no slides."""
    return {
        "slides": "slides/",
        "exclude": ["*_tissue_mask.tiff", "*_classes.ome.tiff"],
        "output": "tissue-coverage/",
        "tiling": {"mpp": MPP, "tile_extent": 256},
        "overlays": {"tissue": {"detect": "saturation"}},
        "keep": "tissue >= 0.5",
    }


def _labels(random: np.random.Generator) -> Pixels:
    """Draw blobs of tissue with tumor and necrosis inside, at the resolution of the class mask."""
    shape = int(HEIGHT * MPP / CLASSES_MPP), int(WIDTH * MPP / CLASSES_MPP)
    y, x = (np.abs(np.linspace(-1, 1, size, dtype=np.float32)) for size in shape)
    labels = np.zeros(shape, dtype=np.uint8)
    glass = 0.6 * np.maximum(y[:, None], x[None, :]) ** 4  # at the border
    is_tissue = _smooth(random, shape, 7) - glass > TISSUE_ABOVE
    is_tumor = _smooth(random, shape, 11) > TUMOR_ABOVE
    is_necrosis = is_tumor & (_smooth(random, shape, 15) > NECROSIS_ABOVE)
    for where, label in ((is_tissue, STROMA), (is_tissue & is_tumor, TUMOR), (is_tissue & is_necrosis, NECROSIS)):
        labels[where] = label
    return labels


def _smooth(random: np.random.Generator, shape: tuple[int, int], knots: int) -> Field:
    """Draw a smooth field in [0, 1]: random values on a coarse grid, interpolated along one axis, then the other."""
    height, width = shape
    return _eased(_eased(random.random((knots, knots), dtype=np.float32), height).T, width).T


def _eased(knots: Field, size: int) -> Field:
    """Interpolate between the rows of an array, with slope 0 at the rows."""
    position = np.linspace(0, len(knots) - 1, size, dtype=np.float32)
    left = np.minimum(position.astype(np.int64), len(knots) - 2)
    part = (position - left)[:, None]
    part = part * part * (3 - 2 * part)
    eased: Field = knots[left] * (1 - part) + knots[left + 1] * part
    return eased


def _stained(labels: Pixels, random: np.random.Generator) -> Pixels:
    """Colour the labels, with grain and nuclei, at the resolution of the slide."""
    grain = random.integers(-9, 10, labels.shape, dtype=np.int16)[..., None] * (labels > 0)[..., None]
    toned = np.clip(COLOURS[labels] + grain, 0, 255).astype(np.uint8)
    image: Pixels = toned.repeat(2, axis=0).repeat(2, axis=1)
    offsets = np.arange(-8, 9)
    for label, number in NUCLEI.items():
        inside = np.argwhere(labels[16:-16, 16:-16] == label) + 16
        if not len(inside):
            continue
        for row, column in 2 * inside[random.integers(0, len(inside), number)]:
            a, b = random.uniform(3.5, 8, 2)
            is_nucleus = (offsets[:, None] / a) ** 2 + (offsets[None, :] / b) ** 2 < 1
            patch = image[row - 8 : row + 9, column - 8 : column + 9]
            patch[is_nucleus] = 0.25 * patch[is_nucleus] + 0.75 * NUCLEUS
    return image


def _halved(image: Pixels, times: int) -> list[Pixels]:
    """Return the image and its successive means over 2 x 2 pixels."""
    levels = [image]
    for _ in range(times):
        of_rows = np.add(levels[-1][::2], levels[-1][1::2], dtype=np.uint16)
        sums = of_rows[:, ::2] + of_rows[:, 1::2]
        levels.append(((sums + 2) // 4).astype(np.uint8))
    return levels


def _write_tiff(path: str, levels: list[Pixels], mpp: float, codec: str) -> None:
    """Write a plain tiled TIFF with resolution tags, its levels as further pages."""
    with tifffile.TiffWriter(path) as writer:
        for number, level in enumerate(levels):
            per_cm = 10_000 / (mpp * 2**number)
            tags = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER", "software": False}
            writer.write(level, subfiletype=int(number > 0), metadata=None, **tags, **_layout(level, codec))


def _write_ome_tiff(path: str, levels: list[Pixels], mpp: float, codec: str) -> None:
    """Write an OME-TIFF with PhysicalSize, its levels as sub-IFDs."""
    size = {"PhysicalSizeX": mpp, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": mpp, "PhysicalSizeYUnit": "µm"}
    identifier = str(uuid5(NAMESPACE_OID, os.path.basename(path)))
    metadata = {"axes": "YXS"[: levels[0].ndim], "UUID": identifier, **size}
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(levels[0], subifds=len(levels) - 1, metadata=metadata, **_layout(levels[0], codec))
        for level in levels[1:]:
            writer.write(level, subfiletype=1, metadata=None, **_layout(level, codec))


def _write_geojson(path: str, areas: dict[str, npt.NDArray[np.bool_]]) -> None:
    """Write coarse outlines of areas of the class mask as QuPath does, in pixels of level 0."""
    features = []
    for label, is_inside in areas.items():
        blocks = is_inside.reshape(is_inside.shape[0] // BLOCK, BLOCK, is_inside.shape[1] // BLOCK, BLOCK)
        row, column = np.nonzero(blocks.mean(axis=(1, 3)) > 1 / 2)
        side = BLOCK * CLASSES_MPP / MPP
        squares = shapely.box(column * side, row * side, (column + 1) * side, (row + 1) * side)
        for outline in shapely.get_parts(shapely.union_all(squares)).tolist():
            properties = {"objectType": "annotation", "classification": {"name": label, "color": [200, 0, 0]}}
            geometry = json.loads(shapely.to_geojson(outline))
            features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"type": "FeatureCollection", "features": features}, file)


def _layout(level: Pixels, codec: str) -> dict[str, Any]:
    photometric = {2: "minisblack", 3: "rgb"}[level.ndim]
    return {"tile": (256, 256), "compression": codec, "photometric": photometric}
