"""Read docker-compose.yml as compose does, and put a service's command where no container is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.house.tree import document

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<rest>[^}]*))?\})")


class NotChosen(Exception):
    """A variable that has no default is not set."""


@dataclass(frozen=True)
class Service:
    """A service of the file: its settings as compose would give them to a container."""

    name: str
    settings: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        """Give the words of its command; of none where the image has its own."""
        return list(self.settings.get("command", ()))

    @property
    def environment(self) -> dict[str, str]:
        """Give its environment."""
        return dict(self.settings.get("environment", {}))

    @property
    def health(self) -> list[str]:
        """Give the words of its health check, and of a shell where it wants one."""
        kind, *words = self.settings["healthcheck"]["test"]
        return ["sh", "-c", *words] if kind == "CMD-SHELL" else words


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Give the services by name; raises NotChosen with the message of the file."""
    read = yaml.safe_load(document("docker-compose.yml"))
    return {name: Service(name, _filled(settings, variables)) for name, settings in read["services"].items()}


def elsewhere(words: Sequence[str], replacements: Mapping[str, str]) -> list[str]:
    """Give words with what a container calls by its own name replaced by what is so here."""
    for old, fresh in replacements.items():
        words = [word.replace(old, fresh) for word in words]
    return list(words)


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value_of(match, variables), value)
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return value


def _value_of(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["name"] is None:
        return "$"
    given = variables.get(match["name"], "")
    if not given and match["how"] == ":?":
        raise NotChosen(f"{match['name']}: {match['rest']}")
    return given or (match["rest"] if match["how"] == ":-" else "")
