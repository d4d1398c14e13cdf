"""This will compare a recorded answer with a simulated one: keys, states and texts, ids mapped by first appearance."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBERS = re.compile(r'(\\?"(?:id|instanceId|volumeId|networkofferingid)\\?": ?|id \[|job id=|i-\d+-|ROOT-|-)(\d+)')

# Values that every cloud makes up anew: times, addresses, paths, places and what hosts measure.
GENERATED = frozenset(
    {
        *("created", "completed", "lastupdated", "attached"),
        *("ipaddress", "macaddress", "isolationuri", "broadcasturi", "vlan"),
        *("instancename", "path", "hostid", "hostname", "managementserverid"),
        *(
            "receivedbytes",
            "sentbytes",
            "description",
            "displaytext",
            "url",
            "physicalsize",
            "related",
            "length",
            "serviceofferingid",
        ),
    }
)
# Keys that come and go in the recordings with what a host last measured, or with what it has not yet reported.
MEASURED = frozenset(
    {
        *("cpuused", "networkkbsread", "networkkbswrite", "memorykbs", "memoryintfreekbs", "memorytargetkbs"),
    }
)
# Keys of running VMs that some answers lack; where both have them they must be the same.
_FLEETING = frozenset({"bootmode", "boottype"})
_ON_MACHINES_ONLY = frozenset({"diskkbsread", "diskkbswrite", "diskioread", "diskiowrite"})


@dataclass(frozen=True)
class Difference:
    """This will be one place where two answers differ."""

    where: str
    recorded: Any
    simulated: Any

    def __str__(self) -> str:
        """This will tell the difference in a line."""
        return f"{self.where}: recorded {_short(self.recorded)}, simulated {_short(self.simulated)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:297]}..."


@dataclass
class Names:
    """This will know which simulated id stands for which recorded one."""

    simulated: dict[str, str] = field(default_factory=dict)
    recorded: dict[str, str] = field(default_factory=dict)

    def pair(self, recorded: str, simulated: str) -> bool:
        """This will pair two ids at their first appearance, and later tell whether they still belong together."""
        recorded, simulated = recorded.lower(), simulated.lower()
        if recorded not in self.simulated and simulated not in self.recorded:
            self.simulated[recorded], self.recorded[simulated] = simulated, recorded
        return self.simulated.get(recorded) == simulated

    def translate(self, text: str) -> str:
        """This will put simulated ids in the place of the recorded ones in a text."""
        return UUID.sub(lambda match: self.simulated.get(match[0].lower(), match[0]), text)


def compare(recorded: Any, simulated: Any, names: Names, where: str = "") -> list[Difference]:
    """This will list the differences of two JSON values."""
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        return _compare_objects(recorded, simulated, names, where)
    if isinstance(recorded, list) and isinstance(simulated, list):
        return _compare_lists(recorded, simulated, names, where)
    if isinstance(recorded, str) and isinstance(simulated, str):
        same = _same_text(recorded, simulated, names)
    else:
        same = recorded == simulated and type(recorded) is type(simulated)
    return [] if same else [Difference(where, recorded, simulated)]


def _compare_objects(recorded: dict[str, Any], simulated: dict[str, Any], names: Names, where: str) -> list[Difference]:
    found: list[Difference] = []
    left_out = _left_out(recorded, where)
    for key in {**recorded, **simulated}:
        place = f"{where}.{key}".lstrip(".")
        if key in left_out or (key in _FLEETING and (key in recorded) != (key in simulated)):
            continue
        if key not in simulated:
            found.append(Difference(place, recorded[key], "(no such key)"))
        elif key not in recorded:
            found.append(Difference(place, "(no such key)", simulated[key]))
        elif key == "details" and isinstance(recorded[key], dict):
            found += compare(_lasting(recorded[key]), _lasting(simulated[key]), names, place)
        elif key not in GENERATED:
            found += compare(recorded[key], simulated[key], names, place)
    return found


def _left_out(recorded: dict[str, Any], where: str) -> frozenset[str]:
    if where.startswith("listapisresponse"):
        # the API list's prose about itself is no part of the simulation
        return frozenset({"related", "response", "since"})
    return MEASURED | (_ON_MACHINES_ONLY if "nic" in recorded else frozenset())


def _lasting(details: dict[str, str]) -> dict[str, str]:
    """This will leave out marks that the server puts into a VM's details for itself."""
    return {key: text for key, text in details.items() if not key.startswith("Message.") and key != "deployvm"}


def _compare_lists(recorded: list[Any], simulated: list[Any], names: Names, where: str) -> list[Difference]:
    if len(recorded) != len(simulated):
        return [Difference(f"{where}[]", _titles(recorded), _titles(simulated))]
    found: list[Difference] = []
    for number, (left, right) in enumerate(zip(recorded, in_order_of(recorded, simulated, names), strict=True)):
        found += compare(left, right, names, f"{where}[{number}]")
    return found


def _titles(rows: list[Any]) -> Any:
    return sorted(str(row.get("name", row.get("id", "?"))) if isinstance(row, dict) else str(row) for row in rows)


def in_order_of(recorded: list[Any], simulated: list[Any], names: Names) -> list[Any]:
    """This will put simulated rows in the order of the recorded rows that they stand for."""
    waiting = list(simulated)
    ordered = []
    for row in recorded:
        match = next((entry for entry in waiting if stands_for(row, entry, names)), waiting[0] if waiting else None)
        if match is not None:
            waiting.remove(match)
        ordered.append(match)
    return ordered


def stands_for(recorded: Any, simulated: Any, names: Names) -> bool:
    """This will tell whether a simulated row is the recorded one: by a known id, else by name among the unknown."""
    if not isinstance(recorded, dict) or not isinstance(simulated, dict):
        return bool(recorded == simulated)
    if "id" not in recorded or "id" not in simulated:
        keys = ("name", "key", "resourceid", "jobid")
        return all(_same_text(str(recorded.get(key)), str(simulated.get(key)), names) for key in keys)
    known = names.simulated.get(recorded["id"].lower())
    if known is not None:
        return bool(known == simulated["id"].lower())
    fresh = simulated["id"].lower() not in names.recorded
    holder = names.simulated.get(str(recorded.get("virtualmachineid")).lower())
    if holder is not None and holder != simulated.get("virtualmachineid"):
        return False
    return fresh and _same_name(recorded.get("name"), simulated.get("name"))


def _same_name(recorded: Any, simulated: Any) -> bool:
    return _plain(str(recorded)) == _plain(str(simulated))


def _same_text(recorded: str, simulated: str, names: Names) -> bool:
    if UUID.fullmatch(recorded) and UUID.fullmatch(simulated):
        return names.pair(recorded, simulated)
    if recorded == simulated:
        return True
    known = {value.lower() for value in names.simulated.values()}
    expected = UUID.sub(lambda match: match[0] if match[0].lower() in known else "ID", names.translate(recorded))
    answered = UUID.sub(lambda match: match[0] if match[0].lower() in known else "ID", simulated)
    return _plain(expected) == _plain(answered)


def _plain(text: str) -> str:
    return _NUMBERS.sub(lambda match: f"{match[1]}N", text)
