"""YAML that somebody else wrote, as plain data: mappings with text keys, lists, text, numbers, booleans and None.

Tags are never obeyed: a tagged value is its plain value. Whatever could grow on the way is counted before anything
is built: an alias weighs as much as the whole of what it stands for.
"""

from __future__ import annotations

import os
import stat
from typing import Any

MAX_BYTES = 1 << 20
MAX_NODES = 10_000
MAX_DEPTH = 64

_LONGEST_NUMBER = 64
"""Characters of a number; base 60 makes arbitrarily slow ones of longer text."""

_YAML = "tag:yaml.org,2002:"
_TYPED = frozenset({f"{_YAML}int", f"{_YAML}float", f"{_YAML}bool", f"{_YAML}null"})
_MERGE = f"{_YAML}merge"


def read_mapping(path: str) -> dict[str, Any]:
    """The mapping in a file. Raises OSError when it cannot be read, ValueError when it holds no such mapping."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        return load_mapping(file.read(MAX_BYTES + 1))


def load_mapping(raw: bytes | str) -> dict[str, Any]:
    """The mapping in a YAML text. Raises ValueError when there is none, or when it is too large or too deep."""
    if len(raw) > MAX_BYTES:
        raise ValueError("larger than 1 MiB")
    import yaml  # here, because most runs hold no YAML

    loader_type: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _weigh(yaml, loader_type, raw)
        loader = loader_type(raw)
        try:
            found = _plain(yaml, loader, loader.get_single_node(), 0)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, OverflowError, UnicodeError) as error:
        raise ValueError(f"no valid YAML: {_first_line(error)}") from None
    if not isinstance(found, dict):
        raise ValueError("no mapping" if raw.strip() else "empty")
    return found


def _first_line(error: Exception) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem and mark:
        return f"{problem}, line {mark.line + 1}"
    return str(error).partition("\n")[0] or type(error).__name__


def _weigh(yaml: Any, loader_type: Any, raw: bytes | str) -> None:
    """Refuse a document that would be too large with its aliases spelled out, too deep, or inside itself."""
    nodes = 0
    weights: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    for event in yaml.parse(raw, Loader=loader_type):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in weights:
                raise ValueError("an alias that stands for no finished value")
            nodes += weights[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            open_nodes.append((event.anchor, nodes))
            nodes += 1
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                weights[anchor] = nodes - before
        if nodes > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} values")
        if len(open_nodes) > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")


def _plain(yaml: Any, loader: Any, node: Any, depth: int) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(loader, node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(yaml, loader, one, depth + 1) for one in node.value]
    return _mapping(yaml, loader, node, depth) if isinstance(node, yaml.MappingNode) else None


def _scalar(loader: Any, node: Any) -> Any:
    tag, text = node.tag, node.value
    if tag in _TYPED and len(text) <= _LONGEST_NUMBER:
        try:
            return loader.construct_object(node)
        except (ValueError, KeyError, IndexError):
            return text
    if text or (tag.startswith(_YAML) and ":" not in tag[len(_YAML) :]):
        return text
    return tag.rpartition(":")[2]  # a thing that its tag names, such as a Python class


def _mapping(yaml: Any, loader: Any, node: Any, depth: int) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in node.value:
        plain = _plain(yaml, loader, value, depth + 1)
        if key.tag == _MERGE:
            for base in reversed(plain if isinstance(plain, list) else [plain]):
                merged |= base if isinstance(base, dict) else {}
            continue
        name = key.value if isinstance(key, yaml.ScalarNode) else str(_plain(yaml, loader, key, depth + 1))
        own[name] = plain
    return {**merged, **own}
