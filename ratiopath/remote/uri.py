"""URIs of files on stores; one that may hold a credential is refused and not repeated."""

import re
from urllib.parse import unquote

from ratiopath.errors import ParameterError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_FORM = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?#@:%\s]*(?::[0-9]{1,5})?)(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
)
_COMMON = {
    "scheme": "https?",
    "endpoint_override": r"(?:https?://)?[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?/?",
    "anonymous": "true|false",
}
OPTIONS = {"s3": {"region": "[a-z0-9-]{1,30}", **_COMMON}, "gs": _COMMON}
"""Options that a URI of an object store may have, by its scheme, each with the pattern of its value."""
WITH_OPTIONS = frozenset(OPTIONS)
"""Schemes of the stores that have options."""
WEB = frozenset({"http", "https"})
"""Schemes of web servers, which have no listings."""
WITH_HOST = WITH_OPTIONS | WEB
"""Schemes whose first part is a bucket or a host, and no file."""
_USER = re.compile(r":.*@|//", re.DOTALL)
"""A password before @, as of a user in a path, or a URI in the path of another."""
_REMEDY = "pass credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def is_uri(path: object) -> bool:
    """Return True for a text with a scheme, such as s3://bucket/a.tiff."""
    return isinstance(path, str) and _SCHEME.match(path) is not None


def scheme_of(uri: str) -> str:
    """Return the scheme in lower case."""
    return uri.partition("://")[0].lower()


def check_place(uri: str) -> str:
    """Return the URI of a file, a folder or a pattern unchanged.

    Raises:
        ParameterError: It may hold a credential, or has an unknown option; it is not repeated.
    """
    match = _FORM.fullmatch(uri)
    if match is None or any(_USER.search(form) for form in (match["path"] or "", unquote(match["path"] or ""))):
        problem = "a URI has a user, a password, a fragment or several schemes, which messages and tables would show"
        raise ParameterError(f"{problem}; {_REMEDY}, and give a URI such as s3://bucket/a.tiff")
    options = OPTIONS.get(match["scheme"].lower(), {})
    for option in filter(None, (match["query"] or "").split("&")):
        name, _, value = option.partition("=")
        if not re.fullmatch(options.get(name, "(?!)"), unquote(value)):
            allowed = f"the options are {', '.join(options)}" if options else "give it without ?"
            problem = f"a URI of {match['scheme']}:// has an option that is unknown or has an unusual value"
            raise ParameterError(f"{problem}, and may hold a credential; {_REMEDY}; {allowed}")
    return uri


def check_uri(uri: str) -> str:
    """Return the URI of one file unchanged.

    Raises:
        ParameterError: It names no file; or see `check_place`.
    """
    check_place(uri)
    whole = uri.partition("?")[0]
    path = whole.partition("://")[2].partition("/")[2] if scheme_of(uri) in WITH_HOST else whole
    name = path.rpartition("/")[2]
    if not name or is_pattern(uri):
        kind = "a pattern" if name else "a folder"
        raise ParameterError(f"{uri!r} is {kind}, and only files are read from a store; give the URI of each file")
    return uri


def is_pattern(uri: str) -> bool:
    """Return True for a URI with wildcards in its path; ? begins its options and is none."""
    return re.search(r"[*\[\]]", uri.partition("?")[0].partition("://")[2].partition("/")[2]) is not None
