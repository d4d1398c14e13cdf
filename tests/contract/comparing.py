"""Compare an answer with an example: the same keys, nesting and types, and the same values unless said otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

# Keys whose value is another one in every world, and why; their kind is compared.
FREE: Mapping[str, str] = {
    "job_id": "names the second of the start",
    "request_id": "one for each request",
    "id": "the row's number",
    "destination_vm_id": "CloudStack chooses it",
    "snapshot_id": "CloudStack chooses it",
    "destination_network_id": "CloudStack's ids are uuids; the example's are not",
    "VM Network": "a network's id",
    "progress": "where the job is",
    "duration": "how long the job took",
    "execution_time": "how long the check took",
    "total_jobs": "how many there are",
    "returned_jobs": "how many there are",
    "active_failover_jobs": "how many there are",
    "total_vms_discovered": "how many there are",
    "ossea_volumes": "how many there are",
    "network_mappings": "how many there are, or what is mapped",
}

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")
_JOB = re.compile(r"(live|test)-failover-[A-Za-z0-9_.:-]+-\d{10}")
# The shape of a text that is not the same in every world.
_KINDS = (_MOMENT, _JOB)


def differences(example: Any, answer: Any, *, at: str = "") -> Iterator[str]:
    """Say where the answer is not as the example; more keys and more elements are no difference."""
    match example:
        case dict():
            yield from _of_objects(example, answer, at=at)
        case list():
            yield from _of_lists(example, answer, at=at)
        case _:
            yield from _of_values(example, answer, at=at)


def _of_objects(example: dict[str, Any], answer: Any, *, at: str) -> Iterator[str]:
    if not isinstance(answer, dict):
        yield f"{at}: an object is promised, not {answer!r}"
        return
    for key, value in example.items():
        if key not in answer:
            yield f"{at}.{key}: missing"
        else:
            yield from differences(value, answer[key], at=f"{at}.{key}")


def _of_lists(example: list[Any], answer: Any, *, at: str) -> Iterator[str]:
    if not isinstance(answer, list):
        yield f"{at}: a list is promised, not {answer!r}"
    elif not example and answer:
        yield f"{at}: is empty in the example, not {answer!r}"
    for number, element in enumerate(example if isinstance(answer, list) else []):
        found = [list(differences(element, other, at=f"{at}[{number}]")) for other in answer]
        if not found:
            yield f"{at}[{number}]: missing"
        elif all(found):
            yield from min(found, key=len)


def _of_values(example: Any, answer: Any, *, at: str) -> Iterator[str]:
    key = at.rpartition(".")[2]
    if not _same_type(example, answer):
        yield f"{at}: {type(example).__name__} is promised, not {answer!r}"
    elif isinstance(example, str) and (kind := next((kind for kind in _KINDS if kind.fullmatch(example)), None)):
        if not kind.fullmatch(answer):
            yield f"{at}: {answer!r} is not of the form of {example!r}"
        elif kind is _MOMENT:
            datetime.fromisoformat(answer)
    elif key not in FREE and example != answer:
        yield f"{at}: {example!r} is promised, not {answer!r}"


def _same_type(example: Any, answer: Any) -> bool:
    if isinstance(example, bool) or isinstance(answer, bool):
        return isinstance(example, bool) and isinstance(answer, bool)
    if isinstance(example, float):
        # JSON has one kind of number: 100.0 may be written 100.
        return isinstance(answer, int | float)
    return type(example) is type(answer)
