"""Read the API's contract: its endpoints, its examples, and the names and values that it lists."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.house.tree import document

CONTRACT = "docs/api/failover-api.md"

_ENDPOINT = re.compile(r"### \*\*(GET|POST|PUT|DELETE) (\S+)\*\*")
_TITLE = re.compile(r"#+ \*{0,2}(.+?)\*{0,2}")
_LABEL = re.compile(r"\*\*([^*]+):\*\*")
_ITEM = re.compile(r"- `(\w+)`(.*)")


@dataclass(frozen=True)
class Example:
    """One block of code; `label` is the bold line above it, `value` its JSON, None where it is none."""

    section: str
    label: str
    text: str
    value: Any

    @property
    def name(self) -> str:
        """Give the name by which the table of rows knows it."""
        return f"{self.section} | {self.label}" if self.label else self.section

    @property
    def method(self) -> str:
        """Give the method of the endpoint that it belongs to."""
        return self.section.partition(" ")[0]

    @property
    def path(self) -> str:
        """Give the path of the endpoint that it belongs to."""
        return self.section.partition(" ")[2]


@dataclass(frozen=True)
class Listed:
    """One item of a list: its name, and what stands behind it."""

    section: str
    label: str
    name: str
    words: str


@dataclass(frozen=True)
class Contract:
    """What the document holds, in its order."""

    endpoints: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]
    items: tuple[Listed, ...]

    def listed(self, label: str) -> list[Listed]:
        """Give the items of all lists of that label or section."""
        return [item for item in self.items if label in (item.label, item.section)]

    def example(self, name: str) -> Example:
        """Give the example of that name."""
        return next(example for example in self.examples if example.name == name)


@cache
def contract() -> Contract:
    """Read the document."""
    endpoints: list[tuple[str, str]] = []
    examples: list[Example] = []
    items: list[Listed] = []
    section = label = ""
    block: list[str] | None = None
    for line in document(CONTRACT).splitlines():
        if block is not None:
            if line == "```":
                examples.append(_example(section, label, "\n".join(block)))
                block = None
            else:
                block.append(line)
        elif line.startswith("```"):
            block = []
        elif found := _TITLE.fullmatch(line.strip()):
            section, label = found[1], ""
            endpoints += [(found[1], found[2]) for found in [_ENDPOINT.fullmatch(line.strip())] if found]
        elif found := _LABEL.fullmatch(line.strip()):
            label = found[1]
        elif (found := _ITEM.fullmatch(line.strip())) is not None:
            items.append(Listed(section, label, found[1], found[2].strip()))
    return Contract(tuple(endpoints), tuple(examples), tuple(items))


def _example(section: str, label: str, text: str) -> Example:
    value = json.loads(text) if text.startswith(("{", "[")) else None
    return Example(section, label, text, value)
