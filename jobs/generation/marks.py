"""This will keep the generation's mark outside the database: in a file, and as a tag on each appliance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit.durable import put_in_place
from cloudstack import Gateway, Ticket
from inventory.models import Appliance, TargetCloud
from jobs.generation.models import Generation

# CloudStack can't change a tag: the next mark is put beside the last under the other key, and then the last is removed.
KEYS = ("failover-generation-a", "failover-generation-b")
_FENCE_SECONDS = 8.0
_MARK = re.compile(r"([0-9a-f-]{36}):(\d{1,18})")


@dataclass(frozen=True)
class Mark:
    """Which database it was, and how far; `place` is where it was read."""

    uuid: str
    number: int
    place: str

    def __str__(self) -> str:
        return f"{self.uuid}:{self.number}"


def is_newer(mark: Mark, row: Generation) -> bool:
    """Whether the mark tells of something that this database does not know, and nobody has confirmed it."""
    return str(mark) not in row.accepted and (mark.uuid != str(row.uuid) or mark.number > row.number)


def mark_in_file() -> Mark | None:
    """Give the mark that this host keeps; None when it keeps none."""
    file = Path(settings.GENERATION_FILE)
    if not file.exists():
        return None
    return _parsed(file.read_text().strip(), place=f"the file {file.name}")


def write_file(row: Generation) -> None:
    """Keep the mark on this host; whoever reads meanwhile reads the one before."""
    put_in_place(Path(settings.GENERATION_FILE), f"{row}\n")


def marks_in_cloud(gateway: Gateway, cloud: TargetCloud) -> list[Mark]:
    """Give the marks on the appliances of a cloud; raises CloudError."""
    found = []
    for appliance, tags in _appliances_with_tags(gateway, cloud):
        for text in tags.values():
            if mark := _parsed(text, place=f"the tag of appliance {appliance.name} in {cloud.name}"):
                found.append(mark)
    return found


def move_tags(gateway: Gateway, cloud: TargetCloud, row: Generation, *, new_id: Callable[[], str]) -> None:
    """Bring the tags of a cloud one call nearer to the row's mark; raises CloudError. The next call goes on from there.

    It waits for no job: what is read at the next call decides what is missing.
    """
    for appliance, tags in _appliances_with_tags(gateway, cloud):
        for send, key, text in _next_call(gateway, tags, str(row)):
            ticket = Ticket(async_job_id=new_id(), deadline=gateway.clock.now() + _FENCE_SECONDS)
            send("UserVm", [appliance.virtual_machine_id], {key: text}, ticket=ticket)


def _next_call(gateway: Gateway, tags: dict[str, str], wanted: str) -> Iterator[tuple[Callable[..., object], str, str]]:
    if wanted not in tags.values():
        free = [key for key in KEYS if key not in tags]
        if free:
            yield gateway.create_tags, free[0], wanted
            return
    # What stays is the wanted mark, or the higher one: never fewer than one.
    keep = wanted if wanted in tags.values() else max(tags.values(), key=_number, default="")
    stale = [key for key, text in tags.items() if text != keep]
    if stale:
        yield gateway.delete_tags, stale[0], tags[stale[0]]


def _appliances_with_tags(gateway: Gateway, cloud: TargetCloud) -> list[tuple[Appliance, dict[str, str]]]:
    """Read all appliances of a cloud together: each process asks before its first act, however many there are."""
    appliances = list(Appliance.objects.filter(cloud=cloud))
    machines = gateway.virtual_machines([appliance.virtual_machine_id for appliance in appliances])
    marks = {
        machine.id: {key: text for key, text in (machine.tags or {}).items() if key in KEYS} for machine in machines
    }
    return [(appliance, marks.get(appliance.virtual_machine_id, {})) for appliance in appliances]


def _number(text: str) -> int:
    mark = _parsed(text, place="")
    return mark.number if mark is not None else -1


def _parsed(text: str, *, place: str) -> Mark | None:
    match = _MARK.fullmatch(text)
    return Mark(uuid=match[1], number=int(match[2]), place=place) if match is not None else None
