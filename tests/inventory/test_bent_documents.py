"""This will bend a whole document at every place in every way, and show that none gets past the checks as an error."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from inventory.models import ProtectedVM
from inventory.services import import_inventory
from tests.inventory import documents as doc

BENT: tuple[Any, ...] = (
    None,
    "",
    "x",
    "x" * 20_000,
    "\x00",
    "\ud800",
    "٣",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    True,
    [],
    [None],
    {},
    {"": 1},
)


def whole() -> dict[str, Any]:
    """Describe a cloud, its appliance and a VM, with a replica whose state is said."""
    return doc.inventory(doc.vm(disks=[doc.disk(0, replica=doc.replica(0, state="good")), doc.disk(1)]))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*path, key))


def bent_at(path: tuple[str | int, ...], value: object) -> Any:
    document = whole()
    if not path:
        return value
    parent: Any = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = copy.deepcopy(value)
    return document


@pytest.mark.django_db
@pytest.mark.parametrize("value", BENT, ids=[f"{value!r:.12}" for value in BENT])
def test_a_bent_document_is_taken_or_refused_and_never_breaks(value: object) -> None:
    import_inventory(document=whole(), source="test")
    for path in places(whole()):
        report = import_inventory(document=bent_at(path, value), source="test", environ={})
        refused = [str(refusal) for refusal in report.refused]
        assert refused or report.unchanged or report.changed or report.created or value in ({}, []), (path, refused)
        assert all("canary" not in text for text in refused)
        assert ProtectedVM.objects.filter(vm_id="vm-1").exists()
