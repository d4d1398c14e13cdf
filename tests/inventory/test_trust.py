"""This will show when the content of a replica is trusted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.models import ReplicaState, ReplicaVolume
from inventory.services import ImportReport, import_inventory, upsert_vm
from inventory.trust import confirm, doubt
from tests.inventory import documents as doc

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 9, 1, 12, tzinfo=UTC)
EARLIER, LATER, LATEST = (NOW + timedelta(hours=n) for n in (-1, 1, 2))
VOLUME = doc.VOLUMES[0]


@pytest.fixture(autouse=True)
def _inventory(db: None) -> None:
    import_inventory(document=doc.inventory(doc.vm(disks=[doc.disk(0)])), source="test", now=NOW)


def push(*, run: dict[str, Any] | None = None, **replica: Any) -> ImportReport:
    vm = doc.vm(disks=[doc.disk(0, replica=doc.replica(0, **replica))], replications=[run or doc.run()])
    return upsert_vm(vm_id="vm-1", document=vm, now=LATEST)


def full(started: datetime, **changes: Any) -> dict[str, Any]:
    return doc.run(replication_id="again", started_at=started.isoformat(), finished_at=LATEST.isoformat(), **changes)


def state() -> str:
    return ReplicaVolume.objects.get().state


def test_a_doubt_survives_the_next_push() -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.UNVERIFIED, now=NOW)
    push(change_id="52 3c/10", last_sync_at=LATEST.isoformat())
    assert state() == "unverified"


def test_a_push_that_says_good_does_not_end_a_doubt() -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.UNVERIFIED, now=NOW)

    report = push(state="good")

    assert "is in doubt since" in str(report.refused[0])
    assert state() == "unverified"


def test_a_full_replication_that_began_later_ends_a_doubt() -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.NEEDS_FULL_RESYNC, now=NOW)
    push(run=full(LATER), last_sync_at=LATEST.isoformat())
    assert state() == "good"
    assert ReplicaVolume.objects.get().state_since is None


@pytest.mark.parametrize(
    "run",
    [full(EARLIER), full(LATER, kind="incremental"), full(LATER, status="failed")],
    ids=["began before the doubt", "incremental", "failed"],
)
def test_another_replication_does_not_end_a_doubt(run: dict[str, Any]) -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.UNVERIFIED, now=NOW)
    push(run=run, last_sync_at=LATEST.isoformat())
    assert state() == "unverified"


def test_a_push_may_raise_a_doubt_but_not_lessen_one() -> None:
    push(state="needs_full_resync")
    push(state="unverified")
    assert state() == "needs_full_resync"


def test_a_replica_that_lost_its_change_id_needs_a_full_resync() -> None:
    push(change_id="")
    assert state() == "needs_full_resync"


def test_the_engines_check_ends_a_doubt_that_is_older_than_the_check() -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.UNVERIFIED, now=NOW)
    assert confirm(volume_ids=[VOLUME], doubted_before=EARLIER, now=LATER) == 0
    assert confirm(volume_ids=[VOLUME], doubted_before=LATER, now=LATER) == 1
    assert state() == "good"


def test_a_second_doubt_is_not_ended_by_what_was_copied_before_it() -> None:
    doubt(volume_ids=[VOLUME], state=ReplicaState.NEEDS_FULL_RESYNC, now=EARLIER)
    doubt(volume_ids=[VOLUME], state=ReplicaState.UNVERIFIED, now=LATEST)
    push(run=full(LATER), last_sync_at=LATEST.isoformat())
    assert state() == "needs_full_resync"
