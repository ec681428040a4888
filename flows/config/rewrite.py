"""Replacement of a regular expression in paths, in time linear in the path: RE2's syntax, Python's replacements."""

import re
from functools import lru_cache

import re2

MAX_LENGTH = 1000
"""Characters of a pattern and of a replacement."""
_ESCAPE = re.compile(r"\\(?:g<(\w{1,40})>|([1-9][0-9]?)|(\\)|)")


class Rewrite:
    """A regular expression and its replacement."""

    def __init__(self, match: str, replace: str) -> None:
        """Compile both.

        Raises:
            ValueError: `match` is not an expression of RE2, or `replace` names a group that it lacks.
        """
        options = re2.Options()
        options.log_errors = False
        try:
            self.regex = re2.compile(match, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise ValueError(f"{reason}") from None
        self.parts = [part for found in _parts(replace) for part in (found[0], self._group(found[1])) if part != ""]

    def _group(self, name: str) -> str | int:
        number: int = int(name) if name.isdecimal() else self.regex.groupindex.get(name, -1) if name else 0
        if name and not 0 <= number <= self.regex.groups:
            raise ValueError(f"invalid group reference {name}")
        return number if name else ""

    def __call__(self, path: str) -> str | None:
        """Replace every match; None if there is none, or the path is not UTF-8."""
        try:
            path.encode()
        except UnicodeEncodeError:
            return None
        pieces, end = [], 0
        for found in self.regex.finditer(path):
            groups = (part if isinstance(part, str) else found[part] or "" for part in self.parts)
            pieces += [path[end : found.start()], *groups]
            end = found.end()
        return "".join((*pieces, path[end:])) if pieces else None


@lru_cache(maxsize=64)
def rewrite(match: str, replace: str) -> Rewrite:
    """Return the compiled replacement, made once per process."""
    return Rewrite(match, replace)


def _parts(replace: str) -> list[tuple[str, str]]:
    r"""Split a replacement into pairs of a literal and the group after it: \1, \g<1> or \g<name>.

    Raises:
        ValueError: A backslash is followed by something else.
    """
    parts, end = [], 0
    for escape in _ESCAPE.finditer(replace):
        name, number, backslash = escape.groups()
        if not (name or number or backslash):
            raise ValueError(rf"unknown escape \{replace[escape.end() : escape.end() + 1]}")
        parts.append((replace[end : escape.start()] + (backslash or ""), name or number or ""))
        end = escape.end()
    return [*parts, (replace[end:], "")]
