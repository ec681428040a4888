"""Parts of a split, as the command line names them: names and exact sizes, or a number of folds."""

from fractions import Fraction

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt

NAMES = {2: "train,test", 3: "train,val,test"}
"""Names of two and three parts that are not named."""
DEFAULT_PARTS = "0.7,0.15,0.15"
"""Sizes of train, val and test."""
MIN_FOLDS, MAX_FOLDS = 3, 100
"""Folds: one is tested, one validates, and at least one is trained on."""
MAX_PARTS, MAX_DIGITS = 20, 40
"""Parts, and characters of a size."""


def parse_parts(sizes: str, names: str | None = None) -> dict[str, Fraction]:
    """Parse sizes such as "0.7,0.15,0.15" or "2/3,1/3", and names such as "train,val,test".

    Returns:
        The exact size of each part, in order.

    Raises:
        ConfigurationError: A size is no number > 0, they do not sum to 1, or the names are not as many and different.
    """
    texts = [text.strip() for text in sizes.split(",")]
    found = [_size(text) for text in texts]
    if len(found) > MAX_PARTS:
        raise ConfigurationError(f"--parts: found {len(found)} parts, more than {MAX_PARTS}; give fewer")
    if sum(found) != 1:
        total = f"{float(sum(found)):.6g}"
        raise ConfigurationError(f"--parts: {sizes} sum to {total}, not to 1; thirds are written 1/3,1/3,1/3")
    given = names if names is not None else NAMES.get(len(found))
    if given is None:
        raise ConfigurationError(f"--parts: found {len(found)} parts without names; give --names, separated by commas")
    called = [name.strip() for name in given.split(",")]
    if len(set(called)) < len(found) or len(called) != len(found) or not all(called):
        wanted = f"{len(found)} different ones separated by commas"
        raise ConfigurationError(f"--names: found {excerpt(given)} for {len(found)} parts; give {wanted}")
    return dict(zip(called, found, strict=True))


def parse_folds(folds: int) -> dict[str, Fraction]:
    """Return folds of one size by their number.

    Raises:
        ConfigurationError: There are fewer than three, or too many.
    """
    if not MIN_FOLDS <= folds <= MAX_FOLDS:
        wanted = f"{MIN_FOLDS} to {MAX_FOLDS}: one is tested, one validates, the others are trained on"
        raise ConfigurationError(f"--folds: found {folds}; give {wanted}")
    return {str(number): Fraction(1, folds) for number in range(folds)}


def _size(text: str) -> Fraction:
    try:
        size = Fraction(text) if len(text) <= MAX_DIGITS and "e" not in text.lower() else Fraction(0)
    except (ValueError, ZeroDivisionError):
        size = Fraction(0)
    if size <= 0:
        raise ConfigurationError(f"--parts: found {excerpt(text)}; give numbers > 0 that sum to 1, such as 0.7,0.3")
    return size
