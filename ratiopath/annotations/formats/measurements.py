"""Measurements of objects in GeoJSON: one of them stands for the label of each object."""

import math
from typing import Any

import msgspec
from msgspec import Raw

from ratiopath.annotations.formats.json_text import decode, is_list
from ratiopath.errors import TruncatedError, UnsupportedFormatError

MAX_NAMES = 8
"""Names of measurements in a message."""


class _Entry(msgspec.Struct):
    """A measurement as QuPath before 0.4 wrote it."""

    name: Any = None
    value: Any = None


class Measurement:
    """A measurement that is looked up in every object of a file."""

    def __init__(self, name: str, path: str) -> None:
        """Take the name of the measurement, and the file for messages."""
        self._name, self._path = name, path
        self._is_known = False
        self._others: set[str] = set()

    def label(self, measurements: Raw, place: str) -> str:
        """Return the number of one object as a label, "" if it has none, or NaN.

        Args:
            measurements: Object `{name: number}`, or list of `{name, value}`; NaN and infinity are strings.
            place: The object, for messages.

        Raises:
            TruncatedError: It is no number.
        """
        if not measurements or bytes(measurements) == b"null":
            return ""
        if is_list(measurements):
            entries = decode(measurements, list[_Entry], self._path, place)
            found = {str(entry.name): entry.value for entry in entries}
        else:
            found = decode(measurements, dict[str, Any], self._path, place)
        if self._name not in found:
            self._others.update(list(found)[: MAX_NAMES - len(self._others)])
            return ""
        self._is_known = True
        value = str(found[self._name]) if isinstance(found[self._name], bool) else found[self._name]
        try:
            number = math.nan if value is None or value == "" else float(value)  # "" stands for a bare NaN
        except (TypeError, ValueError, OverflowError):
            problem = f"{self._path!r} has a measurement {self._name!r} in {place} that is no number"
            raise TruncatedError(problem, path=self._path, hint="correct the file, or export it again") from None
        return "" if math.isnan(number) else repr(number)

    def require_known(self) -> None:
        """Refuse a name that no object has.

        Raises:
            UnsupportedFormatError: No object has it; names those that objects have.
        """
        if not self._is_known:
            found = ", ".join(sorted(self._others)) or "none"
            problem = f"{self._path!r} has no measurement {self._name!r} (its measurements: {found})"
            raise UnsupportedFormatError(problem, path=self._path, hint="set measurement to one of them")
