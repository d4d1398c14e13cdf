"""This will tell which commands a caller may use and which parameters they take; customjobid is never shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from cloudstack_simulator.answers import ApiError
from cloudstack_simulator.cloud import Request
from cloudstack_simulator.commands.lists import Listing
from cloudstack_simulator.records import Json

_PARAMETER = re.compile(r"(\w+):(\w+)(!?)(?:@([\w.]+))?( admin)?")


@cache
def parameters_by_command() -> dict[str, list[str]]:
    """This will read what is known of the commands' parameters."""
    table: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent.parent / "apis.yaml").read_text())
    return table


def list_apis(request: Request, *, allowed: Iterable[str], asynchronous: Iterable[str]) -> Listing:
    """This will list the commands that the caller may use."""
    names = sorted(allowed)
    if "name" in request.params:
        names = [name for name in names if name.lower() == request.params["name"].lower()]
        if not names:
            text = "Api Discovery plugin was unable to find an api by that name or process any apis"
            raise ApiError(530, text, plain=True)
    slow = set(asynchronous)
    return Listing("api", names, lambda name: _api(name, slow, admin=request.caller.root_admin))


def _api(name: str, slow: set[str], *, admin: bool) -> Json:
    known = parameters_by_command().get(name, [])
    params = [_parameter(text) for text in known if admin or not text.endswith(" admin")]
    shown: Json = {"name": name, "description": "", "isasync": name in slow, "related": "", "params": params}
    return shown | {"response": []}


def _parameter(text: str) -> Json:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise ValueError(f"apis.yaml: {text!r} is not a parameter")
    shown: Json = {"name": match[1], "description": "", "type": match[2], "length": 255, "required": match[3] == "!"}
    return shown | ({"since": match[4]} if match[4] else {})
