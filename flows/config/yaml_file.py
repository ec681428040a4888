"""YAML of the configuration: bounded in size, depth and aliases, without duplicate keys, with decimal numbers only."""

import glob
import os
import re
import stat
from typing import Any

import yaml

from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt
from flows.config.numbers import DECIMAL, INTEGER
from flows.config.uri import has_credentials, is_uri

MAX_BYTES = 1 << 20
"""Size of a file."""
MAX_DEPTH = 30
"""Nesting of lists and mappings."""
MAX_NODES = 50_000
"""Values in a document, those behind an alias counted at each of its uses."""
_NAME = re.compile(r"(alias|anchor|tag|handle|float|with base 10):? (['\"]).*\2", re.DOTALL)
"""Text of the file in PyYAML's and Python's errors: a secret that begins with * or ! reads as an alias or a tag."""
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


def read_yaml(file: str) -> dict[str, Any]:
    """Read a configuration; its relative paths begin at the folder of the file.

    Raises:
        ConfigurationError: The file cannot be read, is not YAML or exceeds a limit.
    """
    if is_uri(file) or has_credentials(file):
        raise ConfigurationError("--config: found a URI or a credential (not shown); name a local YAML file")
    path = os.path.abspath(file)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block until somebody writes to it
            raise ConfigurationError(f"--config: {path!r} is not a regular file; name a YAML file")
        with open(path, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigurationError(
                f"--config: {path!r} is larger than {MAX_BYTES:,} bytes; name many slides in a manifest"
            )
        document = parse_yaml(content.decode())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"--config: cannot read {path!r}: {reason}; check the path") from None
    except ValueError as error:
        raise ConfigurationError(f"--config: {path!r} is not YAML: {error}; correct the file") from None
    if not isinstance(document, dict):
        kind = "nothing" if document is None else f"a {type(document).__name__}"
        raise ConfigurationError(f"--config: {path!r} holds {kind}; write fields such as `slides: slides/`")
    return _with_absolute_paths(document, os.path.dirname(path))


def parse_yaml(text: str) -> Any:
    """Parse YAML.

    Raises:
        ValueError: The text is not YAML or exceeds a limit; the message repeats no credential.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        found = " ".join(filter(None, (error.context, error.problem)))
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"{_shortened(found)}{where}") from None
    except (yaml.YAMLError, ValueError) as error:  # a ValueError for a date such as 2024-99-99
        raise ValueError(_shortened(str(error))) from None
    except (KeyError, AttributeError, TypeError):  # of PyYAML's constructors, for !!bool, !!timestamp and others
        raise ValueError("a value does not fit the tag before it") from None


def _shortened(found: str) -> str:
    line = " ".join(_NAME.sub(r"\1 (not shown)", found)[:200].split())
    return "an error beside a credential (not shown)" if has_credentials(found) or is_uri(found) else line


class _Loader(yaml.SafeLoader):
    """Loader that refuses what is too deep or too large, and duplicate keys, of which YAML would take the last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.nodes = 0
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        before = self.nodes
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"nested more than {MAX_DEPTH} deep", self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        if is_alias and id(node) not in self.sizes:
            raise yaml.MarkedYAMLError(None, None, "an alias that holds itself", self.get_mark())
        self.nodes += self.sizes[id(node)] if is_alias else 0
        if self.nodes > MAX_NODES:
            raise yaml.MarkedYAMLError(None, None, f"more than {MAX_NODES:,} values, with aliases", self.get_mark())
        self.sizes.setdefault(id(node), self.nodes - before)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        seen = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []  # !!map and !!set may stand before others
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"duplicate key {excerpt(key.value)}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return int(text) if node.tag == _INT else number


# YAML 1.1 reads 0_5 as 5, 010 as 8 and 1:30 as 90
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_INT, _FLOAT}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INT, re.compile(f"{INTEGER}$"), list("-+0123456789"))
_Loader.add_implicit_resolver(_FLOAT, re.compile(rf"(?:{DECIMAL}|[-+]?\.inf|\.nan)$"), list("-+.0123456789"))
_Loader.add_constructor(_INT, _number)
_Loader.add_constructor(_FLOAT, _number)


def _with_absolute_paths(document: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return a document in which the relative paths begin at a folder; what is not a path is left to the model."""
    paths = dict(document)
    slides = document.get("slides")
    if isinstance(slides, str):
        paths["slides"] = _slides_below(folder, slides)
    elif isinstance(slides, list):
        paths["slides"] = [_slides_below(folder, entry) if isinstance(entry, str) else entry for entry in slides]
    if isinstance(document.get("output"), str):
        paths["output"] = _below(folder, document["output"])
    if isinstance(document.get("exports"), dict):
        paths["exports"] = {name: _export_below(folder, export) for name, export in document["exports"].items()}
    if isinstance(document.get("overlays"), dict):
        paths["overlays"] = {name: _overlay_below(folder, overlay) for name, overlay in document["overlays"].items()}
    return paths


def _below(folder: str, path: str) -> str:
    """Join a relative path to a folder; URIs and empty paths are for the model to judge."""
    path = os.path.expanduser(path)
    return path if not path or is_uri(path) or "\0" in path else os.path.join(folder, path)


def _export_below(folder: str, export: Any) -> Any:
    to = export.get("to") if isinstance(export, dict) else None
    return {**export, "to": _below(folder, to)} if isinstance(to, str) else export


def _slides_below(folder: str, entry: str) -> str:
    path = _below(folder, entry)
    is_glob = path != entry and not os.path.lexists(path) and glob.has_magic(entry)
    return _below(glob.escape(folder), entry) if is_glob else path


def _overlay_below(folder: str, overlay: Any) -> Any:
    """Resolve the template of an overlay, in which braces of the folder's name are doubled."""
    template = overlay.get("path") if isinstance(overlay, dict) else None
    if not isinstance(template, str) or template.startswith("{dir}"):
        return overlay
    return {**overlay, "path": _below(folder.replace("{", "{{").replace("}", "}}"), template)}
