"""QuPath: a collection of tile objects per slide, and a script that imports them into a project."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.exports.export_format import ExportedSlide
from flows.exports.tile_numbers import batches, box_and_numbers, write_array
from flows.records.slides import Slide
from ratiopath.errors import SlideError
from ratiopath.slides.frame import read_frame
from schemas.coverage import dominant_classes

PALETTE = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (0, 0, 0),
)  # fmt: skip
"""Red, green and blue of the classes in their order, repeated if there are more: the colours of Okabe and Ito (2008),
which people with any colour vision tell apart."""
SCRIPT = "import_tiles.groovy"
"""Name of the script that imports the files into a project."""


@dataclass(frozen=True, slots=True)
class QuPath:
    """A file `{name}.geojson` per slide, `slides.json` with the image of each file, and `import_tiles.groovy`.

    Positions are px of level 0 of QuPath's own server. Where a file names a scanned bounding box, QuPath shows no more
    than this box and counts from its corner; so do the files, for which the slide is opened.
    """

    name: ClassVar[str] = "qupath"
    reader: ClassVar[str] = "QuPath 0.5 to 0.8"
    crop: bool = True
    """True to count from the corner of the scanned box; False for images that QuPath opened with `--no-crop`."""
    classify: tuple[str, ...] = ()
    """Classes among which a tile's classification is chosen; all shares that are written if empty."""

    def write_slide(self, exported: ExportedSlide, folder: Path) -> None:
        """Write the tiles of one slide in row-major order, a feature each.

        The classification of a tile is the class with the greatest share, the first of several; none if no share is
        above 0. Measurements are the classes, without those of which nothing is known. The UUID of a tile follows
        from its slide id and its box on level 0: another export of the same tiles gives the same objects.

        Raises:
            SlideError: The slide cannot be opened, so that the scanned box is unknown.
            ConfigurationError: A class of `classify` is not written.
        """
        origin, candidates = self._origin(exported.slide), self._candidates(exported)
        with (folder / f"{exported.name}.geojson").open("wb") as file:
            file.write(b'{"type": "FeatureCollection", "features": ')
            write_array(_features(exported, origin, candidates), file)
            file.write(b"}\n")

    def write_cohort(self, slides: Sequence[ExportedSlide], config: CoverageConfig, folder: Path) -> None:
        """Write the image of each file, and the script that imports them into a project."""
        del config
        with (folder / "slides.json").open("wb") as file:
            write_array(({"image": one.slide.path, "file": f"{one.name}.geojson"} for one in slides), file)
        (folder / SCRIPT).write_bytes(Path(__file__).with_name(SCRIPT).read_bytes())

    def next_steps(self, folder: str) -> Iterator[str]:
        """Yield the ways into QuPath."""
        yield "one slide: drop its .geojson on the open image"
        words = shlex.join([f"--args={folder}", f"{folder}/{SCRIPT}"])
        yield f"a project: QuPath script --project=PROJECT.qpproj --save {words}"

    def _origin(self, slide: Slide) -> tuple[int, int]:
        """Return the corner that QuPath counts from, px of level 0."""
        if not self.crop:
            return 0, 0
        try:
            bounds = read_frame(slide.path).bounds
        except SlideError as error:
            hint = "make it readable here, or give --no-crop, which counts from the corner of the whole slide"
            problem = f"{error.problem}; QuPath's positions count from its scanned box, which only the slide tells"
            raise type(error)(problem, path=slide.path, hint=hint) from error
        return (0, 0) if bounds is None else bounds[:2]

    def _candidates(self, exported: ExportedSlide) -> tuple[str, ...]:
        missing = [name for name in self.classify if name not in exported.classes]
        if missing:
            written = ", ".join(exported.classes)
            raise ConfigurationError(
                f"qupath: the class {missing[0]!r} of classify is not written; the classes are {written}; "
                "add it to --classes, or leave it out"
            )
        shares = [name for name in exported.classes if pa.types.is_floating(exported.tiles.schema.field(name).type)]
        return self.classify or tuple(shares)


def _features(exported: ExportedSlide, origin: tuple[int, int], candidates: Sequence[str]) -> Iterator[dict[str, Any]]:
    names, space = exported.classes, uuid5(NAMESPACE_URL, exported.slide.slide_id)
    classifications = {
        name: {"name": name, "color": PALETTE[number % len(PALETTE)]} for number, name in enumerate(names)
    }
    table = box_and_numbers(exported.tiles, names)
    table = table.append_column("classification", _greatest(table, candidates))
    for lefts, tops, widths, heights, *shares, classes in batches(table):
        for row, (left, top, width, height) in enumerate(zip(lefts, tops, widths, heights, strict=True)):
            properties: dict[str, Any] = {"objectType": "tile"}
            if classes[row] is not None:
                properties["classification"] = classifications[classes[row]]
            values = ((name, column[row]) for name, column in zip(names, shares, strict=True))
            properties["measurements"] = {name: value for name, value in values if value is not None}
            ring = _ring(left - origin[0], top - origin[1], width, height)
            yield {
                "type": "Feature",
                "id": str(uuid5(space, f"{left},{top},{width},{height}")),
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": properties,
            }


def _greatest(table: pa.Table, candidates: Sequence[str]) -> pa.Array:
    """Return the first class with the greatest share of each tile; null where none is > 0."""
    if not candidates:
        return pa.nulls(table.num_rows, pa.string())
    return dominant_classes([table[name].cast(pa.float64()).to_numpy() for name in candidates], candidates)


def _ring(left: int, top: int, width: int, height: int) -> list[tuple[int, int]]:
    """Return the corners of a box, clockwise on the screen, the first again at the end."""
    right, bottom = left + width, top + height
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
