"""This will read an inventory file, YAML or JSON, and remember on which line each value stands.

YAML is read as YAML 1.2's core schema has it: a MAC address is never a number in base 60, `on` is not a truth value,
a time stays text. Duplicate keys and aliases are refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from inventory.intake.reports import DocumentPath


class Unreadable(Exception):
    """This will be raised when a file is not YAML or JSON at all; `line` counts from 1."""

    def __init__(self, *, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True)
class Document:
    """This will hold what a file says and the line of each value in it."""

    content: Any
    lines: dict[DocumentPath, int] = field(repr=False)

    def line_of(self, path: DocumentPath) -> int:
        """This will give the line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str, *, is_json: bool) -> Document:
    """This will read the text of a file; raises Unreadable with the line where it stops making sense."""
    if not is_json:
        return _document_of(text)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as broken:
        raise Unreadable(line=broken.lineno, reason=f"not JSON: {broken.msg}") from broken
    except ValueError:
        raise Unreadable(line=1, reason="holds a number of thousands of digits") from None
    except RecursionError:
        raise Unreadable(line=1, reason="nested too deeply") from None
    # JSON is YAML but for tabs between tokens; inside JSON's strings there are none.
    return Document(content=content, lines=_document_of(text.replace("\t", " ")).lines)


class _CoreLoader(yaml.SafeLoader):
    """This will resolve plain scalars as YAML 1.2's core schema does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,30})$", list("-+0123456789")),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", list("-+0123456789")),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _document_of(text: str) -> Document:
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise Unreadable(line=line, reason=f"not YAML: {broken.problem or broken.context}") from broken
    except yaml.reader.ReaderError as broken:
        line = text.count("\n", 0, broken.position) + 1
        raise Unreadable(line=line, reason=f"not YAML: {broken.reason}") from broken
    except RecursionError:
        raise Unreadable(line=1, reason="nested too deeply") from None
    if root is None:
        raise Unreadable(line=1, reason="the file is empty")
    walk = _Walk()
    return Document(content=walk.value(root, ()), lines=walk.lines)


class _Walk:
    """This will turn YAML nodes into plain values and note their lines on the way."""

    def __init__(self) -> None:
        self.lines: dict[DocumentPath, int] = {}
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: DocumentPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        # An alias would let a small file grow without bound; inventories do not need them.
        if id(node) in self._seen:
            raise Unreadable(line=line, reason="aliases are not read: write the value out")
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Any, path: DocumentPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if not key or key in values:
                reason = f"the key {key!r} stands here a second time" if key else "a key must be a plain text"
                raise Unreadable(line=line, reason=reason)
            self.lines[*path, key] = line
            values[key] = self.value(value_node, (*path, key))
        return values


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text
