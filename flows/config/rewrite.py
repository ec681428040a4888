"""Replacement of a regular expression in paths, in time linear in the path: RE2's syntax, Python's replacements."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ratiopath.counting.wanted import compile_regex

MAX_LENGTH = 1000
"""Characters of a pattern and of a replacement."""
_ESCAPE = re.compile(r"\\(?:g<(\w{1,40})>|([1-9][0-9]?)|(\\)|)")
r"""References to a group, \g<1>, \g<name> or \1, an escaped backslash, and a backslash before anything else."""


@lru_cache(maxsize=64)
def rewrite(match: str, replace: str) -> Callable[[str], str | None]:
    """Compile an expression and its replacement, once per process.

    Returns:
        A function that replaces every match in a path; None if there is none, or the path is not UTF-8.

    Raises:
        ValueError: `match` is not an expression of RE2, or `replace` names a group that it lacks or has another escape.
    """
    regex = compile_regex(match)
    for escape in _ESCAPE.finditer(replace):
        if not any(escape.groups()):
            raise ValueError(rf"unknown escape \{replace[escape.end() : escape.end() + 1]}")
        if not escape[3] and not 0 <= _group(escape, regex) <= regex.groups:
            raise ValueError(f"invalid group reference {escape[1] or escape[2]}")

    def expanded(found: Any) -> str:
        return _ESCAPE.sub(lambda escape: "\\" if escape[3] else found[_group(escape, regex)] or "", replace)

    def rewritten(path: str) -> str | None:
        try:
            path.encode()
        except UnicodeEncodeError:
            return None
        text, matches = regex.subn(expanded, path)
        return text if matches else None

    return rewritten


def _group(escape: re.Match[str], regex: Any) -> int:
    """Return the number of the group that an escape refers to; -1 if there is none of its name."""
    name = escape[1] or escape[2]
    return int(name if name.isdecimal() else regex.groupindex.get(name, -1))
