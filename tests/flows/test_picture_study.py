"""Runs whose overlays are PNG, JPEG and NPY: the numbers of the same masks as TIFF, and pictures put aside by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.support.bad_pictures import CONTENTS
from tests.support.pictures import PALETTE, jpeg, npy, npz, png
from tests.support.study import failures, names, random_labels, run, write_mask, write_slide

VALUES = (0, 1, 2, 3)
MASK = {"classes": {"tumor": [1, 2], "stroma": [3]}}
WRITERS = {
    "palette.png": lambda labels: png(labels, 2, PALETTE),
    "grey.png": lambda labels: png(labels, 4),
    "sixteen.png": lambda labels: png(labels, 16),
    "array.npy": npy,
    "archive.npz": npz,
}

pytestmark = pytest.mark.usefixtures("local_ray", "server")


def overlay(suffix: str, **options: Any) -> dict[str, Any]:
    return {"path": f"{{dir}}/{{stem}}_{suffix}", **options}


def test_a_mask_gives_the_same_columns_in_every_format(folder: Path, output: Path) -> None:
    labels = random_labels(0, VALUES)
    write_slide(folder / "a.tiff")
    write_mask(folder / "a_mask.tiff", labels)
    for name, write in WRITERS.items():
        (folder / f"a_{name}").write_bytes(write(labels))
    overlays = {"tiff": overlay("mask.tiff", classes={"tiff_tumor": [1, 2], "tiff_stroma": [3]})}
    for name in WRITERS:
        kind = name.partition(".")[0]
        overlays[kind] = overlay(name, mpp=1.0, classes={f"{kind}_tumor": [1, 2], f"{kind}_stroma": [3]})

    run(folder, overlays=overlays, keep=None, previews=True)

    assert not failures(output)
    table = pq.read_table(output / "coverage")
    for kind in (name.partition(".")[0] for name in WRITERS):
        for column in ("tumor", "stroma", "inside"):
            assert table[f"{kind}_{column}"].equals(table[f"tiff_{column}"]), (kind, column)
    assert 0 < np.sum(table["tiff_tumor"]) < len(table)


def test_pictures_that_cannot_be_read_put_their_slides_aside(folder: Path, output: Path) -> None:
    write_slide(folder / "a.tiff")
    (folder / "a_mask").write_bytes(jpeg(random_labels(0, VALUES)))
    bad = {"b": "cut.png", "c": "turned.jpg", "d": "lying.npy", "e": "tall.png", "f": "two.npz"}
    for stem, name in bad.items():
        write_slide(folder / f"{stem}.tiff")
        (folder / f"{stem}_mask").write_bytes(CONTENTS[name])

    run(folder, overlays={"mask": overlay("mask", mpp=1.0, **MASK)}, keep=None)

    assert names(output, "coverage") == {"a.tiff"}
    found = {name: error for name, (_, error, _) in failures(output).items()}
    cut, unsupported = "TruncatedError", "UnsupportedImageError"
    assert found == {"b.tiff": cut, "c.tiff": unsupported, "d.tiff": cut, "e.tiff": cut, "f.tiff": unsupported}


def test_a_picture_is_aligned_by_its_size(folder: Path, output: Path) -> None:
    write_slide(folder / "a.tiff")
    (folder / "a_mask.png").write_bytes(png(random_labels(0, VALUES)))
    by_size = overlay("mask.png", classes={"tumor": [1, 2]})
    by_mpp = overlay("mask.png", mpp=1.0, classes={"same": [1, 2]})
    run(folder, overlays={"mask": by_size, "again": by_mpp}, keep=None)
    table = pq.read_table(output / "coverage")
    assert table["tumor"].equals(table["same"])
    assert 0 < np.sum(table["tumor"]) < len(table)
