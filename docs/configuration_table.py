"""MkDocs hook that fills docs/configuration.md with the fields of `CoverageConfig`."""

from collections.abc import Iterator
from typing import Any

from flows.config.model import CoverageConfig

MARK = "<!-- table of CoverageConfig -->"
_EMPTY = {"array": "[]", "object": "{}"}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark of a page by the table; MkDocs calls it for each page."""
    return markdown.replace(MARK, table()) if MARK in markdown else markdown


def table() -> str:
    """Return the fields as a Markdown table."""
    schema = CoverageConfig.model_json_schema()
    rows = [f"| `{name}` | {default} | {text} |" for name, default, text in _fields(schema, schema["$defs"])]
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *rows])


def _fields(schema: dict[str, Any], sections: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, field in schema["properties"].items():
        is_needed = name in schema.get("required", ())
        default = "required" if is_needed else f"`{_as_yaml(field.get('default', _EMPTY.get(field.get('type'))))}`"
        yield prefix + name, default, field.get("description", "").replace("|", r"\|").replace("<", "&lt;")
        section = field.get("$ref") or field.get("additionalProperties", {}).get("$ref")
        if section:
            within = prefix + name + (".NAME." if "additionalProperties" in field else ".")
            yield from _fields(sections[section.rpartition("/")[2]], sections, within)


def _as_yaml(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
