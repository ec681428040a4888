"""Hashes that stand for chance: the same for the same names and seed, in any order and on any number of workers.

names    SHA-256 of "SEED/NAME", its first 8 bytes as a big-endian number
tiles    SplitMix64 over the slide's hash, tile_x and tile_y: m(m(SLIDE ^ tile_x) ^ tile_y)
"""

import hashlib

import numpy as np
import numpy.typing as npt

BITS = 64
"""Bits of a hash."""
_GAMMA, _FIRST, _SECOND = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)


def name_hash(name: str, seed: int) -> int:
    """Return the hash of a name, 0 to 2**64 - 1."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[: BITS // 8], "big")


def tile_hashes(
    slide_id: str, tile_x: npt.NDArray[np.int64], tile_y: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.uint64]:
    """Return the hash of each tile of a slide, uint64.

    The mixing function m is one step of SplitMix64 (Steele, Lea and Flood, 2014), which permutes the numbers of 64
    bits: tiles of one column or one row never share a hash.

    Args:
        slide_id: The slide; hashed as the name it is.
        tile_x: Left edges, px of the slide's level.
        tile_y: Upper edges, px of the slide's level.
        seed: Any whole number; another one gives other hashes.
    """
    slide = np.uint64(name_hash(slide_id, seed))
    return _mixed(_mixed(tile_x.astype(np.uint64) ^ slide) ^ tile_y.astype(np.uint64))


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Permute numbers of 64 bits; sums and products wrap around."""
    mixed: npt.NDArray[np.uint64] = numbers + _GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed
