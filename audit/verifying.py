"""This will look through the whole chain and name everything that is not as it was sealed."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.chain import START, hash_of, key_id, mac_of, same
from audit.guards import missing_guards
from audit.head import Head, read_head
from audit.models import AuditEvent, AuditSeal


@dataclass
class Verdict:
    """What was found: one sentence a fault, and how much was looked at."""

    events: int = 0
    sealed: int = 0
    unsealed: int = 0
    head: str = ""
    faults: list[str] = field(default_factory=list)


def verify_chain(*, heads: list[Head] | None = None) -> Verdict:
    """Check every seal, every event, the guards, and the heads told outside: the file's and those passed in."""
    verdict = Verdict()
    hashes = _check_seals(verdict)
    _check_unsealed(verdict)
    verdict.events = verdict.sealed + verdict.unsealed
    for head in [*_told_in_file(verdict), *(heads or [])]:
        _check_head(head, hashes, verdict)
    for name in missing_guards():
        verdict.faults.append(f"The database lacks the guard {name}: run migrate, and ask who removed it")
    return verdict


def _check_seals(verdict: Verdict) -> dict[int, str]:
    """Go along the chain; a seal that is wrong is told once, and the chain is followed from what stands there."""
    before, last_position, hashes = START, 0, {}
    known = key_id()
    for seal in AuditSeal.objects.select_related("event").order_by("position").iterator(chunk_size=2000):
        verdict.sealed += 1
        if seal.position != last_position + 1:
            verdict.faults.append(f"Seals {last_position + 1} to {seal.position - 1} are gone: events were removed")
        if seal.key_id != known:
            verdict.faults.append(f"Seal {seal.position} was made with key {seal.key_id}, and FIELD_KEY gives {known}")
        elif not same(seal.event.mac, mac_of(seal.event)):
            verdict.faults.append(f"Event {seal.event_id} (seal {seal.position}) was changed")
        elif not same(seal.hash, hash_of(position=seal.position, before=before, mac=seal.event.mac)):
            words = "does not follow from the seal before: an event was inserted, removed or moved"
            verdict.faults.append(f"Seal {seal.position} {words}")
        before, last_position = seal.hash, seal.position
        hashes[seal.position] = seal.hash
    verdict.head = f"{last_position}:{before}"
    return hashes


def _check_unsealed(verdict: Verdict) -> None:
    """Events of the last moments wait for their seal; one that does not bear our mac never gets it."""
    for event in AuditEvent.objects.filter(seal=None).order_by("pk").iterator(chunk_size=2000):
        verdict.unsealed += 1
        if not same(event.mac, mac_of(event)):
            verdict.faults.append(f"Event {event.pk} was not written by this service: it is inserted or changed")


def _told_in_file(verdict: Verdict) -> list[Head]:
    try:
        head = read_head()
    except ValueError as error:
        verdict.faults.append(str(error))
        return []
    return [head] if head is not None else []


def _check_head(head: Head, hashes: dict[int, str], verdict: Verdict) -> None:
    if head.position == 0:
        return
    found = hashes.get(head.position)
    if found is None:
        words = f"The chain once reached {head.position} and ends at {max(hashes, default=0)}: its tail was cut"
        verdict.faults.append(words)
    elif not same(found, head.hash):
        words = "is another than the one that was told outside: the chain was remade"
        verdict.faults.append(f"Seal {head.position} {words}")
