"""Annotation files damaged at random or cut short: each gives a named error or all its objects, in bounded time.

    RATIOPATH_MUTANTS=5000 pytest tests/campaigns/test_annotations_damaged.py

runs the long form. A worker that crashes or hangs fails the test, which names the format and the seed of the mutant.
"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from tests.support.damaged_annotations import FORMATS, SHAPES, XML, mutated, outcome

MUTANTS = int(os.environ.get("RATIOPATH_MUTANTS", "600"))
SECONDS_PER_FILE = 20
"""Seconds after which a file of some kB counts as hanging, even on a busy machine."""
TEXT = ("geojson", "geojson_list", "darwin", "dsa", "empaia", *XML)
"""Formats that end in a bracket or a tag, so that no part of them is a whole file."""


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_gives_a_named_error_or_its_objects(name, tmp_path, pool):
    content = FORMATS[name](SHAPES)
    path = tmp_path / "mutant"
    ends = set()
    for seed in range(-(-MUTANTS // len(FORMATS))):
        damage, damaged = mutated(content, np.random.default_rng((sorted(FORMATS).index(name), seed)))
        path.write_bytes(damaged)
        try:
            end, objects = pool.submit(outcome, str(path)).result(timeout=SECONDS_PER_FILE)
        except Exception as error:  # noqa: BLE001 - any error of the worker is a finding
            pytest.fail(f"{name}, seed {seed}, {damage}: {type(error).__name__}: {error}")
        ends.add(end)
        if damage in ("bit", "byte") and end == "read" and name != "slideflow":  # there a name is a group
            assert objects == len(SHAPES), f"{name}, seed {seed}, {damage}"
    assert ends <= {"read", "TruncatedError", "UnsupportedFormatError"}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", range(10))
def test_a_file_that_is_cut_short_gives_a_named_error_or_the_objects_before(name, part, tmp_path):
    content = FORMATS[name](SHAPES)
    (tmp_path / "cut").write_bytes(content[: len(content) * part // 10])

    end, objects = outcome(str(tmp_path / "cut"))

    assert end == "TruncatedError" or (name not in TEXT and objects <= len(SHAPES))


@pytest.mark.parametrize("name", TEXT)
def test_json_and_xml_are_refused_wherever_it_is_cut(name, tmp_path):
    content = FORMATS[name](SHAPES).rstrip()
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])

        assert outcome(str(tmp_path / "cut"))[0] == "TruncatedError", length
