"""Damaged annotation files, and the outcome of reading one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ratiopath.annotations import Annotations, read_outlines
from ratiopath.errors import SlideError
from tests.support import annotation_files
from tests.support.annotation_tables import WITHOUT_HOLES, WRITERS, Shape


def write_shells(write: Callable[[Any], bytes], shapes: Sequence[Shape]) -> bytes:
    """Write shapes in a format without holes."""
    return write([(label, rings[0]) for label, rings in shapes])


XML = ("asap", "imagescope", "halo", "ndpa")
FORMATS = WRITERS | WITHOUT_HOLES | {name: partial(write_shells, getattr(annotation_files, name)) for name in XML}
"""A writer of each format whose files are damaged."""
SHAPES: list[Shape] = [
    ("Tumor", [[(0.5, 0.25), (400.0, 0.0), (400.0, 400.0), (0.0, 400.0)]]),
    ("Stroma", [[(500.0, 500.0), (900.5, 520.0), (700.0, 800.0)]]),
    ("Tumor", [[(10.0, 1000.0), (410.0, 1000.0), (410.0, 1400.0)]]),
]


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Damage the content in one place and return the kind of damage too."""
    damage = str(rng.choice(["bit", "byte", "insert", "delete", "repeat", "cut"]))
    data = bytearray(content)
    where = int(rng.integers(0, len(data)))
    if damage == "bit":
        data[where] ^= 1 << int(rng.integers(0, 8))
    elif damage == "byte":
        data[where] = int(rng.choice(np.frombuffer(b'\0\xff"[]{},:0-e<>\n', np.uint8)))
    elif damage == "insert":
        data[where:where] = bytes([int(rng.choice(np.frombuffer(b'\0\xff"[]{},:0-e<>\n', np.uint8)))])
    elif damage == "delete":
        del data[where : where + int(rng.integers(1, 9))]
    elif damage == "repeat":
        data[where:where] = data[where : where + int(rng.integers(1, 99))]
    else:
        del data[where:]
    return damage, bytes(data)


def outcome(path: str) -> tuple[str, int]:
    """Return the error of the library or "read", and the number of outlines and of objects that were counted.

    Any other error is raised: it is a finding.
    """
    try:
        outlines = read_outlines(path)
        Annotations.of(outlines)
    except SlideError as error:
        return type(error).__name__, 0
    return "read", len(outlines.labels) + sum(outlines.ignored.values())
