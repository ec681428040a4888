"""Excerpts of values for messages: short whatever the value, and without credentials."""

import reprlib
from collections.abc import Collection
from itertools import islice
from typing import Any

from flows.config.uri import has_credentials, is_uri

MAX_LENGTH = 200
"""Characters of an excerpt."""
MAX_KEYS = 6
"""Keys of a mapping that is shown."""
_HIDDEN = "a text that may hold a credential (not shown)"


class _Excerpts(reprlib.Repr):
    """Representations that never walk or format a large value in full."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = MAX_LENGTH

    def repr_str(self, text: str, _level: int) -> str:
        if is_uri(text) or has_credentials(text):
            return _HIDDEN
        return repr(text if len(text) <= self.maxstring else f"{text[: self.maxstring]}...")

    def repr_int(self, number: int, _level: int) -> str:
        return repr(number) if number.bit_length() < MAX_LENGTH else f"a number of {number.bit_length()} bits"

    def repr_dict(self, mapping: dict[Any, Any], level: int) -> str:
        return super().repr_dict(mapping, level) if len(mapping) <= MAX_KEYS else f"a mapping of {len(mapping)} keys"


def excerpt(value: Any) -> str:
    """Return the representation of a value, at most MAX_LENGTH characters of it, and none of a credential."""
    text = _EXCERPTS.repr(value)
    if has_credentials(text) and not isinstance(value, int | float):
        return _HIDDEN
    return text if len(text) <= MAX_LENGTH + 5 else f"{text[:MAX_LENGTH]}..."


def first_of(texts: Collection[str], limit: int) -> str:
    """Return some texts separated by commas, and the number of those beyond a limit."""
    more = len(texts) - limit
    return ", ".join(islice(texts, limit)) + (f" and {more:,} more" if more > 0 else "")


_EXCERPTS = _Excerpts()
