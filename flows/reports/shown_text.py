"""Texts of files as people see them: characters that hide or reorder others stand as escapes."""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of controls, formats (such as changes of direction), lone surrogates and separators of lines."""


def escaped(text: str) -> str:
    r"""Write each control, character without width and change of direction as an escape.

        slide<U+202E>gnp.svs -> slide\u202egnp.svs

    Without this, a name could be shown in another order than it is stored.
    """
    return "".join(_escape(one) if unicodedata.category(one) in _HIDDEN else one for one in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
