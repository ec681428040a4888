"""Files damaged at random: each gives a named error or the counts of another reader, in bounded time.

    RATIOPATH_MUTANTS=2000 pytest tests/campaigns

runs the long form. A worker that crashes or hangs fails the test, which names the kind and the seed of the mutant.
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
"""Seconds after which a file of some kB counts as hanging, even on a busy machine."""


def mutated(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Damage the content in one place and return the kind of damage too."""
    damage = rng.choice(["bit", "byte", "cut", "swap", "long", "zero"])
    data = bytearray(content)
    where = int(rng.integers(0, len(data) - 8))
    if rng.random() < 0.5:  # headers and directories are small but fragile
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
def test_a_damaged_file_gives_a_named_error_or_a_correct_result(kind, tmp_path):
    content = original(kind, tmp_path / "whole.tiff").read_bytes()
    ends: Counter[str] = Counter()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed in range(-(-MUTANTS // len(KINDS))):
            damage, damaged = mutated(content, np.random.default_rng((KINDS.index(kind), seed)))
            path = tmp_path / "mutant.tiff"
            path.write_bytes(damaged)
            try:
                end = pool.submit(outcome, str(path)).result(timeout=SECONDS_PER_FILE)
            except Exception as error:  # noqa: BLE001 - any error of the worker is a finding
                pytest.fail(f"{kind}, seed {seed} ({damage}): {type(error).__name__}: {error}")
            assert not end.startswith("otherwise"), f"{kind}, seed {seed} ({damage}): {end}"
            ends[end] += 1
    assert sum(ends.values()) == -(-MUTANTS // len(KINDS))
    assert any(end.endswith("Error") for end in ends)
