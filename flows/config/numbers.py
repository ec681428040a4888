"""Numbers written as text, in the configuration and in manifests: plain decimal notation only."""

import math
import re

MAX_DIGITS = 40
"""Digits before and after the point: Python takes quadratic time for thousands of them."""
_DIGITS = f"[0-9]{{1,{MAX_DIGITS}}}"
INTEGER = f"[-+]?{_DIGITS}"
"""Pattern of a whole number."""
DECIMAL = rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]{{1,3}})?"
"""Pattern of a number."""


def is_decimal(text: str) -> bool:
    """Return True for a finite number of ASCII digits such as 3, -0.5 or 1e-3.

    Python also reads 0_5 (as 5), digits of other scripts, nan and 1e400 (as infinite).
    """
    return re.fullmatch(DECIMAL, text) is not None and math.isfinite(float(text))
