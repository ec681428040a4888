"""URIs and credentials in the configuration: URIs are accepted for files and folders, credentials nowhere.

run.json, logs and Prefect show the configuration to everyone, so a text that may hold a credential is refused and not
repeated. Options of a URI are accepted by name, not refused by name: the next store has another word for its key.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from ratiopath.errors import ParameterError
from ratiopath.remote.uri import OPTIONS as INPUT_OPTIONS
from ratiopath.remote.uri import check_place
from ratiopath.remote.uri import is_uri as is_remote

_HOST = r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?"
_FLAG, _NUMBER, _DOMAIN = "true|false", "[0-9]{1,9}", "[.]?[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?"
OPTIONS = {
    "region": "[a-z0-9-]{1,30}",
    "scheme": "https?",
    "endpoint_override": f"(?:https?://)?{_HOST}/?",
    "allow_bucket_creation": _FLAG,
    "allow_bucket_deletion": _FLAG,
    "force_virtual_addressing": _FLAG,
    "anonymous": _FLAG,
    "connect_timeout": _NUMBER,
    "request_timeout": _NUMBER,
    "retry_limit_seconds": _NUMBER,
    "replication": _NUMBER,
    "buffer_size": _NUMBER,
    "user": "[a-z_][a-z0-9_-]{0,31}",
    "enable_tls": _FLAG,
    "blob_storage_authority": _DOMAIN,
    "dfs_storage_authority": _DOMAIN,
    "blob_storage_scheme": "https?",
    "dfs_storage_scheme": "https?",
}
"""Options that the URI of an output may have, each with the pattern of its value."""
_OUTPUT = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<container>[a-z0-9][a-z0-9-]{1,61}[a-z0-9]@)?"
    r"[^/?#@:%\s]*(?::[0-9]{1,5})?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_AZURE = {"abfs", "abfss"}
"""Schemes that name the container before the host: abfs://container@account.dfs.core.windows.net."""
_SECRET = re.compile(
    r"(?:secret|token|passw(?:or)?d|passphrase|pwd|credential|signature|connection_?string"
    r"|(?:account|access|shared|api|private|storage|aws)[\w-]{0,20}key|(?<![a-z])(?:sas|sig|auth|jwt|bearer)(?![a-z])|[?&;]key)"
    r"[\w.-]{0,40}['\"]?\s{0,3}[=:]"
    r"|[?][\w.-]{1,40}=[^?\s]{0,400}&[\w.-]{1,40}=",
    re.IGNORECASE,
)
"""Words of credentials before = or :, as in AccountKey=, or a query of a URI, whatever its keys are called; the
repetitions are bounded to keep the search linear."""
_NAME_WITH_AT = r"[^?#:%@]*@[^?#:%@/]*[.](?:tiff?|svs|ndpi|mrxs|scn|png|jpe?g|np[yz]|csv|parquet|geojson|xml)"
"""Path of a URI with @ in the name of a file; elsewhere it may end a credential."""
_QUERY = re.compile(r"[?&;#][\w.-]{1,40}=")
"""Option of a URI, in a folder that is none; in the other paths ? is a wildcard, and = stands in names."""
_REMEDY = "pass credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def is_uri(path: str) -> bool:
    """Return True if the path has a scheme, such as s3://."""
    return "://" in path


def has_credentials(text: str) -> bool:
    """Return True if the text may hold a credential: a user and password before @, or a word such as AccountKey=."""
    return any(":" in form.rpartition("@")[0] or _SECRET.search(form) for form in _decoded(text))


def refuse_credentials(text: str) -> str:
    """Return a text unchanged.

    Raises:
        ValueError: It may hold a credential; the message does not repeat it.
    """
    if has_credentials(text):
        raise ValueError(f"the text looks like one with credentials, which run.json and Prefect would show; {_REMEDY}")
    return text


def refuse_uri(text: str) -> str:
    """Return a name, a label or a pattern unchanged.

    Raises:
        ValueError: It is a URI or holds a credential; the message does not repeat it.
    """
    if any(is_uri(form) for form in _decoded(text)):
        raise ValueError("found a URI in place of a name or a pattern; URIs are for slides, overlays and output")
    return refuse_credentials(text)


def check_input(path: str) -> str:
    """Return the path or URI of slides or overlays unchanged.

    Raises:
        ValueError: It may hold a credential, or is a URI with an unknown option; the message does not repeat it.
    """
    if not any(is_uri(form) for form in _decoded(path)):
        return refuse_credentials(path)
    inside = path.partition("://")[2].partition("?")[0].partition("/")[2]
    is_odd = _is_odd(inside) and not re.fullmatch(_NAME_WITH_AT, inside, re.IGNORECASE)
    if not is_remote(path) or is_odd or _SECRET.search(inside):
        raise ValueError(
            "found a URI inside of a text, or one that may hold a credential, which run.json and Prefect would show; "
            f"{_REMEDY}, and give a URI such as s3://bucket/slides?region=eu-central-1"
        )
    if path.lower().startswith("file:"):
        raise ValueError("found a URI of this machine; give the path without file://")
    try:
        return check_place(path)
    except ParameterError as error:
        raise ValueError(str(error)) from None


def check_output(output: str) -> str:
    """Return the output unchanged.

    Raises:
        ValueError: It may hold a credential, or has an unknown option; the message does not repeat it.
    """
    if not is_uri(output):
        refuse_credentials(output)
        if any(map(_QUERY.search, _decoded(output))):
            raise ValueError(
                f"the folder has options such as ?NAME=, which run.json and Prefect would show; {_REMEDY}, and give a "
                "folder without them or a URI such as s3://bucket/prefix?region=eu-central-1"
            )
        return output
    match = _OUTPUT.fullmatch(output)
    if match is None or (match["container"] and match["scheme"].lower() not in _AZURE) or _is_odd(match["path"] or ""):
        raise ValueError(
            "the URI has a user, a password, a fragment or an unusual character, and run.json and Prefect would show "
            f"it; {_REMEDY}, and give a URI such as s3://bucket/prefix?region=eu-central-1"
        )
    for option in filter(None, (match["query"] or "").split("&")):
        name, _, value = option.partition("=")
        if not re.fullmatch(OPTIONS.get(name, "(?!)"), unquote(value)):
            raise ValueError(
                f"the URI has an option that is unknown or has an unusual value; {_REMEDY}; the options are "
                f"{', '.join(OPTIONS)}"
            )
    return output


def _is_odd(path: str) -> bool:
    return any("@" in form or is_uri(form) or _SECRET.search(form) for form in _decoded(path))


def _decoded(text: str) -> Iterator[str]:
    """Yield the text and what is left after each decoding of its percent signs."""
    yield text
    for _ in range(3):
        before, text = text, unquote(text)
        if text == before:
            return
        yield text


def refuse_credentials_in(schema: dict[str, Any]) -> None:
    """Add to the JSON schema of the configuration that no text in it is a URI with credentials.

    Prefect's server refuses the parameters of a run by that schema before it stores them. Messages of most rules repeat
    the text that breaks them; that of `dependentRequired` only names keys.
    """
    container = r"^[A-Za-z][A-Za-z0-9+.-]*://([a-z0-9-]{3,63}@)?[^/?#@:%\s]*(:[0-9]{1,5})?(/[^?#@]*)?"
    place = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@:%\s]*(:[0-9]{1,5})?"
    place += f"(/([^?#@]*|{_NAME_WITH_AT}))?"
    secret = {"type": "string", "pattern": f"(?s:.*:.*@)|(?i:{_SECRET.pattern})"}
    folder = {"type": "string", "pattern": f"{secret['pattern']}|{_QUERY.pattern}"}
    path = _unsafe(place, sorted(set().union(*INPUT_OPTIONS.values())), secret)
    rules: dict[str, Any] = {
        "output": _unsafe(container, OPTIONS, folder),
        "slides": {"anyOf": [path, {"type": "array", "contains": path}]},
        "overlays": {
            "type": "object",
            "not": {"additionalProperties": {"properties": {"path": {"not": path}}}},
        },
    }
    schema["allOf"] = [
        {
            "if": {"properties": {field: rule}, "required": [field]},
            "then": {"dependentRequired": {field: ["credentials in the environment"]}},
        }
        for field, rule in rules.items()
    ]


def _unsafe(place: str, options: Iterable[str], path: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a URI that has another form, and of a path that one describes."""
    safe, uri = rf"{place}(\?((({'|'.join(options)})=[^&?#@]*)(&|$))*)?$", {"type": "string", "pattern": "://"}
    return {"anyOf": [{**uri, "not": {"pattern": safe}}, {"not": uri, **path}]}
