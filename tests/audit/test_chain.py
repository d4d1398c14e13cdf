"""This will prove that the database refuses to change the audit, and that whoever gets past it is found out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from audit.chain import mac_of
from audit.guards import make_guards, missing_guards, remove_guards
from audit.head import Head, read_head, write_head
from audit.models import AuditEvent, AuditSeal
from audit.recording import record_event
from audit.sealing import Sealer, newest_head
from audit.verifying import verify_chain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def head_of_its_own(settings: Settings, tmp_path: Path) -> None:
    """Keep the head of each test apart."""
    settings.AUDIT_HEAD_FILE = tmp_path / "audit-head.json"


@pytest.fixture
def chain() -> Iterator[list[AuditEvent]]:
    """Give five sealed events, and take the guards away; they come back afterwards."""
    events = [
        record_event("tried", actor="tester", subject=f"thing:{number}", fields={"n": number}) for number in range(5)
    ]
    assert Sealer().seal_pending() == 5
    assert verify_chain().faults == []
    remove_guards()
    yield events
    make_guards()


def _faults() -> list[str]:
    """Give what is found beside the guards that the test itself took away."""
    return [fault for fault in verify_chain().faults if "lacks the guard" not in fault]


def _run(sql: str, *values: int | str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize(
    ("table", "change"), [("audit_auditevent", "actor = 'nobody'"), ("audit_auditseal", "hash = 'other'")]
)
def test_the_database_itself_refuses_every_change(statement: str, table: str, change: str) -> None:
    if statement.startswith("TRUNCATE") and connection.vendor == "sqlite":
        return  # SQLite knows no TRUNCATE: its DELETE without a condition is covered above.
    record_event("tried", actor="tester")
    Sealer().seal_pending()
    if connection.vendor == "postgresql":
        _run("SET CONSTRAINTS ALL IMMEDIATE")  # What the test inserted is checked now, as it would be by a commit.

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        _run(statement.format(table, change))

    assert AuditEvent.objects.get().actor == "tester"


def test_guards_that_are_gone_are_told_and_made_again_by_migrate() -> None:
    remove_guards()
    assert any("audit_auditevent_no_update" in fault for fault in verify_chain().faults)

    call_command("migrate", verbosity=0)

    assert missing_guards() == [] and verify_chain().faults == []


def test_events_are_sealed_in_their_order_and_only_once() -> None:
    for number in range(3):
        record_event("tried", actor="tester", subject=str(number))

    assert (Sealer().seal_pending(), Sealer().seal_pending()) == (3, 0)

    assert [seal.event.subject for seal in AuditSeal.objects.select_related("event")] == ["0", "1", "2"]
    assert read_head() == newest_head()


def test_a_text_that_a_database_would_refuse_is_cleaned_and_still_verifies() -> None:
    record_event("tried", actor="a\x00b" * 100, words="\ud800", fields={"odd": "\x00\ud800", "number": 1.0})
    Sealer().seal_pending()

    assert verify_chain().faults == []


@pytest.mark.parametrize("column", ["actor", "kind", "subject", "words", "fields", "request_id"])
def test_a_changed_event_is_found(chain: list[AuditEvent], column: str) -> None:
    _run(f"UPDATE audit_auditevent SET {column} = 'other' WHERE id = %s", chain[2].pk)

    assert _faults() == [f"Event {chain[2].pk} (seal 3) was changed"]


def test_a_changed_event_with_a_mac_of_another_key_is_found(chain: list[AuditEvent], settings: Settings) -> None:
    real, settings.FIELD_KEY = settings.FIELD_KEY, "x" * 40
    event = AuditEvent.objects.get(pk=chain[2].pk)
    event.actor = "somebody else"
    _run("UPDATE audit_auditevent SET actor = %s, mac = %s WHERE id = %s", event.actor, mac_of(event), event.pk)
    settings.FIELD_KEY = real

    assert _faults() == [f"Event {event.pk} (seal 3) was changed"]


def test_a_deleted_event_is_found(chain: list[AuditEvent]) -> None:
    _run("DELETE FROM audit_auditseal WHERE position = 3")
    _run("DELETE FROM audit_auditevent WHERE id = %s", chain[2].pk)

    assert any("Seals 3 to 3 are gone" in fault for fault in _faults())


def test_a_deleted_event_whose_gap_was_closed_is_found(chain: list[AuditEvent]) -> None:
    _run("DELETE FROM audit_auditseal WHERE position = 3")
    _run("DELETE FROM audit_auditevent WHERE id = %s", chain[2].pk)
    _run("UPDATE audit_auditseal SET position = 3 WHERE position = 4")
    _run("UPDATE audit_auditseal SET position = 4 WHERE position = 5")

    assert any("Seal 3 does not follow" in fault for fault in _faults())


def test_an_inserted_event_is_found_and_never_sealed(chain: list[AuditEvent]) -> None:
    forged = AuditEvent.objects.create(at=chain[0].at, kind="forged", actor="tester", mac=chain[0].mac)

    assert Sealer().seal_pending() == 0
    assert _faults() == [f"Event {forged.pk} was not written by this service: it is inserted or changed"]


def test_an_event_inserted_into_the_chain_is_found(chain: list[AuditEvent]) -> None:
    late = record_event("late", actor="tester")
    _run("UPDATE audit_auditseal SET position = 6 WHERE position = 5")
    AuditSeal.objects.create(position=5, event=late, key_id=AuditSeal.objects.get(position=1).key_id, hash="0" * 64)

    assert any("Seal 5 does not follow" in fault for fault in _faults())


def test_reordered_events_are_found(chain: list[AuditEvent]) -> None:
    _run("UPDATE audit_auditseal SET position = 99 WHERE position = 2")
    _run("UPDATE audit_auditseal SET position = 2 WHERE position = 3")
    _run("UPDATE audit_auditseal SET position = 3 WHERE position = 99")

    assert any("Seal 2 does not follow" in fault for fault in _faults())


def test_a_cut_tail_is_found_by_the_head_in_the_file(chain: list[AuditEvent]) -> None:
    _run("DELETE FROM audit_auditseal WHERE position > 3")
    _run("DELETE FROM audit_auditevent WHERE id > %s", chain[2].pk)

    assert _faults() == ["The chain once reached 5 and ends at 3: its tail was cut"]


def test_a_cut_tail_is_found_after_the_chain_grew_past_it_and_the_file_keeps_the_proof(chain: list[AuditEvent]) -> None:
    told = read_head()
    _run("DELETE FROM audit_auditseal WHERE position > 3")
    _run("DELETE FROM audit_auditevent WHERE id > %s", chain[2].pk)
    for _ in range(4):
        record_event("later", actor="tester")
    Sealer().seal_pending()

    assert read_head() == told
    assert _faults() == ["Seal 5 is another than the one that was told outside: the chain was remade"]


def test_a_cut_tail_is_found_by_a_head_of_the_log_when_the_file_was_forged_too(chain: list[AuditEvent]) -> None:
    told = read_head()
    assert told is not None
    _run("DELETE FROM audit_auditseal WHERE position > 3")
    _run("DELETE FROM audit_auditevent WHERE id > %s", chain[2].pk)
    write_head(newest_head())

    assert _faults() == []
    assert any("tail was cut" in fault for fault in verify_chain(heads=[told]).faults)


def test_an_emptied_audit_is_found(chain: list[AuditEvent]) -> None:
    _run("DELETE FROM audit_auditseal")
    _run("DELETE FROM audit_auditevent")

    assert _faults() == ["The chain once reached 5 and ends at 0: its tail was cut"]


def test_a_chain_under_another_key_says_so(chain: list[AuditEvent], settings: Settings) -> None:
    settings.FIELD_KEY = "y" * 40

    assert all("was made with key" in fault for fault in _faults()) and _faults()


def test_a_damaged_head_file_is_a_fault(chain: list[AuditEvent], settings: Settings) -> None:
    Path(settings.AUDIT_HEAD_FILE).write_text("{}")

    assert any("is damaged" in fault for fault in _faults())


def test_two_sealers_do_not_seal_one_event_twice() -> None:
    one, other = Sealer(), Sealer()
    record_event("tried", actor="tester")
    one.seal_pending()
    record_event("tried", actor="tester")

    assert (other.seal_pending(), one.seal_pending()) == (1, 0)
    assert newest_head() == read_head() != Head(0, "", "")
