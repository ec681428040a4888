"""The fill value of pixels that a TIFF leaves out, parsed as GDAL parses it."""

import math
import re

import numpy as np

_NAN, _INFINITY = re.compile(r"nan|[+-]?1\.#(?:ind|[qs]nan)"), re.compile(r"([+-]?)(?:inf|1\.#inf)")
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+")
_WIDE = 8  # bytes of an integer that float64 does not hold


def fill_value(text: object, dtype: np.dtype[np.generic]) -> np.generic:
    """Parse GDAL_NODATA for samples of a type.

    The number at the beginning counts, with a point or a comma; what is no number is 0. Integers are rounded half away
    from zero and clamped to their type. 64-bit integers end at the first character that is no digit.

    Args:
        text: The tag's value, None where there is no tag.
        dtype: Type of the samples.
    """
    words = text.strip().lower() if isinstance(text, str) else ""
    if dtype.kind in "iu" and dtype.itemsize == _WIDE:
        return _clamped(_integer(words, is_signed=dtype.kind == "i"), dtype)
    number = _number(words.replace(",", ".", 1))
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(number)
    if math.isnan(number):
        return dtype.type(0)
    rounded = number if math.isinf(number) else math.copysign(math.floor(abs(number) + 0.5), number)
    return dtype.type(rounded > 0) if dtype.kind == "b" else _clamped(rounded, dtype)


def _number(words: str) -> float:
    if _NAN.match(words):
        return math.nan
    if infinite := _INFINITY.match(words):
        return float(infinite[1] + "inf")
    found = _FLOAT.match(words)
    return float(found[0]) if found else 0.0


def _integer(words: str, *, is_signed: bool) -> int:
    found = _INTEGER.match(words)
    value = int(found[0]) if found else 0
    return value if is_signed or value >= 0 else value + 2**64  # as C's strtoull


def _clamped(value: float, dtype: np.dtype[np.generic]) -> np.generic:
    limits = np.iinfo(dtype.name)
    return dtype.type(int(max(limits.min, min(limits.max, value))))
