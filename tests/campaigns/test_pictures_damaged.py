"""Pictures damaged at random: each gives a named error or the pixels that another decoder finds, in bounded time.

    RATIOPATH_MUTANTS=8000 pytest tests/campaigns/test_pictures_damaged.py

runs the long form. A worker that crashes or hangs fails the test, which names the form and the seed of the mutant.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from tests.support.damaged_pictures import FORMS, mutated, outcome, with_checksums

MUTANTS = int(os.environ.get("RATIOPATH_MUTANTS", "800"))
SECONDS_PER_FILE = 20
"""Seconds after which a file of some kB counts as hanging, even on a busy machine."""


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_picture_gives_a_named_error_or_its_pixels(form, tmp_path, pool):
    content = FORMS[form]()
    path = tmp_path / "mutant"
    ends = set()
    for seed in range(-(-MUTANTS // len(FORMS))):
        damage, damaged = mutated(content, np.random.default_rng((sorted(FORMS).index(form), seed)))
        if form.startswith("png") and seed % 2:
            damaged = with_checksums(damaged)
        path.write_bytes(damaged)
        try:
            end = pool.submit(outcome, str(path), form).result(timeout=SECONDS_PER_FILE)
        except Exception as error:  # noqa: BLE001 - any error of the worker is a finding
            pytest.fail(f"{form}, seed {seed} ({damage}): {type(error).__name__}: {error}")
        assert end != "otherwise", f"{form}, seed {seed} ({damage})"
        ends.add(end)
    assert any(end.endswith("Error") for end in ends)
