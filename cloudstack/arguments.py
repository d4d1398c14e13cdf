"""Check what goes out, before it goes out: CloudStack and `cs` both take things that do harm."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
_DETAIL_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
# Most values hold none of these, which one search tells; only then is asked which.
_DOUBTFUL = re.compile("[~\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DEVICE_OF_THE_CD = 3

Parameters = Mapping[str, str]


def checked_id(parameter: str, value: str) -> str:
    """Return the id if it is a uuid.

    A root admin's key may also name things by their internal number: `id=1` started a system VM.
    """
    if not _UUID.fullmatch(value):
        raise ValueError(f"{parameter} must be a uuid, not {value!r}")
    return value


def checked_ids(parameter: str, values: Iterable[str]) -> str:
    """Return the ids as CloudStack takes a list of them."""
    return ",".join(checked_id(parameter, value) for value in values)


def checked_values(parameters: Parameters) -> Parameters:
    """Return the parameters if every value can be signed and sent as it is."""
    for parameter, value in parameters.items():
        _check_value(parameter, value)
    return parameters


def checked_device_id(device_id: int) -> int:
    """Return the device number if a disk may have it: 3 is the CD drive."""
    if device_id < 0 or device_id == _DEVICE_OF_THE_CD:
        raise ValueError(f"device_id must be 0, 1, 2, 4 or more, not {device_id}")
    return device_id


def checked_mac(parameter: str, value: str) -> str:
    """Return the MAC address if it has the one form that CloudStack takes."""
    if not _MAC.fullmatch(value):
        raise ValueError(f"{parameter} must be a MAC address like 02:00:11:22:33:44, not {value!r}")
    return value


def address_parameter(value: str) -> str:
    """Return which parameter takes this address, `ip` or `ipv6`; ValueError when it is none."""
    return "ip" if ipaddress.ip_address(value).version == 4 else "ipv6"


def detail_parameters(details: Mapping[str, str]) -> dict[str, str]:
    """Spell a map of details as CloudStack takes it; the keys become parameter names, so they are checked."""
    for key in details:
        if not _DETAIL_KEY.fullmatch(key):
            raise ValueError(f"details has a key that can't be sent: {key!r}")
    return {f"details[0].{key}": value for key, value in details.items()}


def tag_parameters(tags: Mapping[str, str]) -> dict[str, str]:
    """Spell tags as CloudStack takes them."""
    spelled: dict[str, str] = {}
    for index, (key, value) in enumerate(tags.items()):
        spelled[f"tags[{index}].key"] = key
        spelled[f"tags[{index}].value"] = value
    return spelled


def _check_value(parameter: str, value: str) -> None:
    if not _DOUBTFUL.search(value):
        return
    # Java encodes "~" for the signature and Python does not: the answer would be 401.
    if "~" in value:
        raise ValueError(f'{parameter} must not contain "~": {value!r}')
    if any(0xD800 <= ord(character) < 0xE000 for character in value):
        raise ValueError(f"{parameter} must be text that has an encoding: {value!r}")
    raise ValueError(f"{parameter} must not contain control characters: {value!r}")
