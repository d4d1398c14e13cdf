"""This will map, beside every open question, the job's volumes: where each should be, is recorded, and is in fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q

from cloudstack import CloudError, Volume
from inventory.secrets import SecretUnreadable
from jobs.engine.journal import UnresolvedResult, load_command, results_of
from jobs.engine.ports import Engine
from jobs.made import End, Kind, end_of, made_by
from jobs.models import FailoverJob, PlanKind, PlanState, Question, Step, StepState
from jobs.plans.specification import FailoverSpecification

# A map is read again so long after the last reading, while its question is open.
READ_AGAIN = timedelta(seconds=60)

_TO_APPLIANCE = frozenset({"attach_to_appliance", "return_to_appliance"})
_MOVES = frozenset({"detach_from_appliance", "detach_from_target", "attach_to_target", *_TO_APPLIANCE})


@dataclass(frozen=True)
class _Known:
    """A volume of the job, and where the journal has it: a VM's id, or nothing."""

    volume_id: str
    label: str
    is_replica: bool
    is_copy: bool = False
    home: str = ""


def map_open_questions(engine: Engine) -> None:
    """Read the cloud for every open question whose map is missing or old; what cannot be read is said in the map."""
    old = engine.clock.now() - READ_AGAIN
    due = Question.objects.filter(Q(volumes_read_at=None) | Q(volumes_read_at__lte=old), answered_at=None)
    for question in due.select_related("job__vm").order_by("pk"):
        rows = volume_map(engine, question.job)
        Question.objects.filter(pk=question.pk, answered_at=None).update(
            volumes=rows, volumes_read_at=engine.clock.now()
        )


def volume_map(engine: Engine, job: FailoverJob) -> list[dict[str, Any]]:
    """Give a row for every volume that the job has to do with; reads the cloud, so call it outside of transactions."""
    spec = FailoverSpecification.from_json(job.specification)
    steps = list(Step.objects.filter(plan__job=job).select_related("plan").order_by("plan__number", "position"))
    volumes = _volumes_of(spec, steps)
    recorded = _recorded(engine, job, steps, spec, volumes)
    removed = {one.id for one in made_by(steps) if end_of(one, job=job, steps=steps).end == End.REMOVED}
    try:
        read = engine.worlds.of(job).gateway.volumes([volume.volume_id for volume in volumes])
    except (CloudError, SecretUnreadable) as error:
        seen: Mapping[str, Volume] | None = None
        unread = str(error)
    else:
        seen, unread = {volume.id: volume for volume in read}, ""
    names = {spec.appliance_vm_id: "the appliance", job.destination_vm_id or "-": "the target VM"}
    return [
        {
            "volume_id": volume.volume_id,
            "label": volume.label,
            "is_replica": volume.is_replica,
            "should_be": _wanted(job, spec, volume, names),
            "is_recorded": "removed" if volume.volume_id in removed else _place(recorded[volume.volume_id], names),
            "is_in_fact": _fact(seen.get(volume.volume_id), names) if seen is not None else f"not read: {unread}",
        }
        for volume in volumes
    ]


def _volumes_of(spec: FailoverSpecification, steps: Iterable[Step]) -> list[_Known]:
    replicas = [_Known(disk.volume_id, disk.label, is_replica=True, home=spec.appliance_vm_id) for disk in spec.disks]
    made = [
        _Known(one.id, one.what, is_replica=False, is_copy=bool(one.name))
        for one in made_by(steps)
        if one.kind == Kind.VOLUME
    ]
    return [*replicas, *made]


def _wanted(job: FailoverJob, spec: FailoverSpecification, volume: _Known, names: Mapping[str, str]) -> str:
    """Say where the plan that moves wants the volume in the end."""
    plan = job.plans.filter(state__in=[PlanState.RUNNING, PlanState.STOPPING]).first()
    forward = plan is None or (plan.kind in {PlanKind.FORWARD, PlanKind.COMMIT} and plan.state == PlanState.RUNNING)
    on_target = _place(job.destination_vm_id, names) if job.destination_vm_id else "on the target VM"
    if not volume.is_replica:
        return on_target if forward and volume.is_copy else "removed"
    return on_target if forward and spec.boots_replicas else _place(spec.appliance_vm_id, names)


def _recorded(
    engine: Engine,
    job: FailoverJob,
    steps: Iterable[Step],
    spec: FailoverSpecification,
    volumes: Iterable[_Known],
) -> dict[str, str]:
    """Give where the finished steps left each volume; nothing for no VM."""
    places = {volume.volume_id: volume.home for volume in volumes}
    results = results_of(job.pk)
    moves = [step for step in steps if step.command in _MOVES and step.state == StepState.DONE]
    for step in sorted(moves, key=lambda one: (one.finished_at is None, one.finished_at, one.pk)):
        try:
            command: Any = load_command(engine, step, results=results)
        except UnresolvedResult:
            continue
        if step.command in _TO_APPLIANCE:
            places[command.volume_id] = spec.appliance_vm_id
        else:
            places[command.volume_id] = command.target_vm_id if step.command == "attach_to_target" else ""
    return places


def _place(vm_id: str, names: Mapping[str, str]) -> str:
    if not vm_id:
        return "detached"
    return f"on {names[vm_id]} ({vm_id})" if vm_id in names else f"on VM {vm_id}"


def _fact(volume: Volume | None, names: Mapping[str, str]) -> str:
    if volume is None:
        return "not in the cloud, or not visible"
    device = f", device {volume.device_id}" if volume.device_id is not None and volume.virtual_machine_id else ""
    return f"{_place(volume.virtual_machine_id or '', names)}{device}, {volume.state}"
