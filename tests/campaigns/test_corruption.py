"""Files damaged at random: each ends as a named failure or as what another reader finds in it, in bounded time.

    RATIOPATH_MUTANTS=2000 pytest tests/campaigns        the long form; the check runs a slice

A worker that crashes or hangs fails the test and names the mutant: its kind, and the seed that makes it again.
"""

import multiprocessing
import os
import struct
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from tests.support.damaged import KINDS, original, outcome

MUTANTS = int(os.environ.get("RATIOPATH_MUTANTS", "160"))
SECONDS_PER_FILE = 20
"""A file of some kB that takes longer hangs, even on a busy machine."""


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """One kind of damage, somewhere."""
    damage = rng.choice(["bit", "byte", "cut", "swap", "long", "zero"])
    data = bytearray(content)
    where = int(rng.integers(0, len(data) - 8))
    if rng.random() < 0.5:  # headers and directories are a small part of a file, and the fragile one
        tags = [
            i for i in range(len(data) - 12) if data[i : i + 2] in (b"\x00\x01", b"\x01\x01", b"\x11\x01", b"\x17\x01")
        ]
        where = min(int(rng.choice(tags)) + int(rng.integers(0, 12)), len(data) - 8) if tags else where
    if damage == "bit":
        data[where] ^= 1 << int(rng.integers(0, 8))
    elif damage == "byte":
        data[where] = int(rng.integers(0, 256))
    elif damage == "cut":
        del data[where:]
    elif damage == "swap":
        data[where : where + 8] = data[where + 4 : where + 8] + data[where : where + 4]
    elif damage == "long":
        data[where : where + 4] = struct.pack("<I", int(rng.choice([0xFFFFFFFF, 0x7FFFFFFF, 10**6, 65_537])))
    else:
        data[where : where + 8] = bytes(8)
    return str(damage), bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_ends_as_a_named_failure_or_a_right_result(kind, tmp_path):
    content = original(kind, tmp_path / "whole.tiff").read_bytes()
    ends: Counter[str] = Counter()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed in range(-(-MUTANTS // len(KINDS))):
            damage, damaged = mutated(content, np.random.default_rng((KINDS.index(kind), seed)))
            path = tmp_path / "mutant.tiff"
            path.write_bytes(damaged)
            try:
                end = pool.submit(outcome, str(path)).result(timeout=SECONDS_PER_FILE)
            except Exception as error:  # noqa: BLE001 - whatever came out of the worker
                pytest.fail(f"{kind}, seed {seed} ({damage}): {type(error).__name__}: {error}")
            assert not end.startswith("otherwise"), f"{kind}, seed {seed} ({damage}): {end}"
            ends[end] += 1
    assert sum(ends.values()) == -(-MUTANTS // len(KINDS))
    assert any(end.endswith("Error") for end in ends)
