"""A DICOM slide of two files, in runs: neither is opened while both are as they were."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.opens import counted
from tests.support.dicom import REAL
from tests.support.study import run, write_mask

OVERLAYS = {"tissue": {"path": "{dir}/{stem}_tissue.tiff", "classes": {"tissue": [255]}}}

pytestmark = [
    pytest.mark.usefixtures("local_ray", "server"),
    pytest.mark.skipif(not REAL.exists(), reason="the real files are not here"),
]


def statuses(folder: Path, **changes: object) -> tuple[int, int, int, int]:
    summary = run(folder, overlays=OVERLAYS, tiling={"level": 0, "tile_extent": 16}, **changes).result()
    return summary.new, summary.changed, summary.unchanged, summary.put_aside


def test_a_change_of_either_file_is_noticed_and_neither_is_opened_before(folder: Path) -> None:
    for name in "ab":
        shutil.copyfile(REAL, folder / f"{name}.dcm")
    write_mask(folder / "a_tissue.tiff", np.full((25, 25), 255, np.uint8), 0.998)
    assert statuses(folder) == (1, 0, 0, 0)
    with counted([folder]) as opens:
        assert statuses(folder) == (0, 0, 1, 0)
        opens.read(seconds=0)
    assert opens.count == 0
    os.utime(folder / "b.dcm", ns=(0, 0))
    assert statuses(folder) == (0, 1, 0, 0)
    shutil.rmtree(folder.parent / "output" / ".state")
    assert statuses(folder) == (0, 0, 1, 0)
