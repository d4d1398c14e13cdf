"""This will keep docs/inventory-file.md and its example true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from inventory.intake import schema
from inventory.intake.reading import read_document
from inventory.models import ProtectedVM
from inventory.services import import_inventory

DOCUMENT = Path(__file__).parents[2] / "docs" / "inventory-file.md"
RECORDS = {
    "clouds": schema.CLOUD,
    "appliances": schema.APPLIANCE,
    "vms": schema.VM,
    "disks": schema.DISK,
    "replica": schema.REPLICA,
    "nics": schema.NIC,
    "replications": schema.REPLICATION,
}


def section(name: str) -> str:
    (body,) = re.findall(rf"^### `{name}`.*?\n(.*?)(?=^##|\Z)", DOCUMENT.read_text(), re.S | re.M)
    return str(body)


def choices(rules: Any) -> list[str]:
    return [value for part in rules["properties"].values() for value in part.get("enum", [])]


@pytest.mark.parametrize("name", RECORDS)
def test_every_key_and_choice_of_the_schema_is_documented(name: str) -> None:
    documented = set(re.findall(r"`([^`]+)`", section(name)))
    assert set(RECORDS[name]["properties"]) | set(choices(RECORDS[name])) <= documented


@pytest.mark.parametrize("name", RECORDS)
def test_no_key_is_documented_that_the_schema_does_not_know(name: str) -> None:
    keys = re.findall(r"^\| (`[^|]+`) \|", section(name), re.M)
    documented = {key for cell in keys for key in re.findall(r"`([^`]+)`", cell)}
    assert documented == set(RECORDS[name]["properties"])


@pytest.mark.django_db
def test_the_example_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.S)
    text = text.replace("/etc/failover/north-secret-key", str(tmp_path / "secret"))

    content = read_document(text, is_json=False).content
    report = import_inventory(document=content, source="docs", environ={"NORTH_API_KEY": "key"})

    assert not report.refused
    assert ProtectedVM.objects.get().disks.get().replica.state == "good"
