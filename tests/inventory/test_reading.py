"""This will show how inventory files are read, and that what is wrong is told with its line."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inventory.intake.reading import Unreadable, read_document
from inventory.models import ProtectedVM, TargetCloud
from tests.inventory import documents as doc


def content(text: str) -> object:
    return read_document(text, is_json=False).content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mac: 10:50:56:11:22:33", "10:50:56:11:22:33"),
        ("at: 2025-08-18T15:35:21+01:00", "2025-08-18T15:35:21+01:00"),
        ("day: 2025-08-18", "2025-08-18"),
        ("power: on", "on"),
        ("id: 0042", "0042"),
        ("id: 1_000", "1_000"),
        ("n: 42", 42),
        ("n: 4.5", 4.5),
        ("b: true", True),
        ("e:", None),
        ('s: "42"', "42"),
    ],
)
def test_plain_values_are_what_they_look_like(text: str, value: object) -> None:
    (read,) = content(text).values()  # type: ignore[attr-defined]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "empty"),
        ("a: 1\nb: [1,\n", 3, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here a second time"),
        ("a: &x [1]\nb: *x\n", 1, "aliases are not read"),
        ("a: 1\n? [k]\n: 2\n", 2, "a key must be a plain text"),
        ("a: 1\nb: \x00\n", 2, "not YAML"),
        ("a: 1\n--- \nb: 1\n", 2, "not YAML"),
        ("[" * 3000, 1, "nested too deeply"),
    ],
)
def test_a_file_that_is_not_yaml_is_refused_with_the_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refused:
        content(text)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{"a": 1,\n "b": }', 2, "not JSON"),
        ('{"a": 1,\n "a": 2}', 2, "a second time"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("1" * 5000, 1, "thousands of digits"),
    ],
)
def test_a_file_that_is_not_json_is_refused_with_the_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refused:
        read_document(text, is_json=True)
    assert refused.value.line == line


def test_json_with_tabs_and_escapes_keeps_its_values_and_lines() -> None:
    document = read_document('{\n\t"a": [\n\t\t"\\ud83d\\ude00", "x\\/y"\n\t]\n}', is_json=True)
    assert document.content == {"a": ["😀", "x/y"]}
    assert document.line_of(("a", 1)) == 3


def run(file: Path) -> str:
    out = StringIO()
    call_command("import_inventory", str(file), stdout=out)
    return out.getvalue()


def refusal(file: Path) -> str:
    with pytest.raises(CommandError) as refused:
        run(file)
    assert refused.value.returncode == 1
    return str(refused.value)


@pytest.mark.django_db
def test_the_command_imports_json_and_tells_what_it_did(tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps(doc.inventory()))

    first, second = run(file), run(file)

    assert "created: vm PGWINTESTBIOS (vm-1)" in first
    assert "3 created, 0 changed, 0 unchanged, 0 refused" in first
    assert "0 created, 0 changed, 3 unchanged, 0 refused" in second
    assert ProtectedVM.objects.count() == 1


@pytest.mark.django_db
def test_the_command_names_line_and_field_and_imports_nothing(tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps(doc.inventory(doc.vm(cpus="two", memmory_mb=1)), indent=1))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if '"cpus"' in text)

    message = refusal(file)

    assert f"{file}, line {line}: vms[0]: cpus: must be a whole number" in message
    assert "memmory_mb: unknown key: did you mean 'memory_mb'?" in message
    assert "2 refused. Nothing was imported." in message
    assert not TargetCloud.objects.exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, "cannot be read"), (b"\xff\xfe\xff", "is not UTF-8 text"), (b"a: [", "line 1: not YAML")],
)
def test_the_command_refuses_a_file_it_cannot_read(tmp_path: Path, body: bytes | None, reason: str) -> None:
    file = tmp_path / "inventory.yaml"
    if body is not None:
        file.write_bytes(body)
    assert reason in refusal(file)
