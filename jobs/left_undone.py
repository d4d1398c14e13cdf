"""This will take up what the undo of a live failover left undone, or a failover that an operator left where it was.

Nothing is begun again blindly: the steps' guards look at the cloud first, adopt what somebody did by hand since, and
refuse what would take a disk from who has it now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cloudstack import CloudError, Gateway
from inventory.secrets import SecretUnreadable
from jobs.at_work import left_at_work
from jobs.destroy_port import was_ever_replica
from jobs.engine import undo, windows
from jobs.engine.contracts import PlannedStep, PlannedSteps
from jobs.engine.journal import results_of
from jobs.engine.ports import Engine
from jobs.errors import CannotRollBack, CloudNotUsable
from jobs.models import FailoverJob, JobState, JobType, Phase, Plan, PlanKind, Step, StepState
from jobs.models.plan import REPLICA_COMMANDS
from jobs.plans import rollback as plans
from jobs.plans.specification import FailoverSpecification
from jobs.rollback_points import rollback_points


@dataclass(frozen=True)
class WayBack:
    """How a rollback goes on with what was left: the kind of its plan, and the steps."""

    kind: PlanKind
    planned: PlannedSteps


def left_undone(job: FailoverJob) -> Plan | None:
    """Give the plan of an ended live failover with something that a rollback can still put back or remove."""
    if job.job_type != JobType.LIVE or job.state != JobState.FINISHED:
        return None
    left = windows.left_by(job)
    if left is None or left.kind in {PlanKind.COMMIT, PlanKind.FORWARD}:
        return None if left is None or left.kind == PlanKind.COMMIT else left
    return left if _keys(job, left) else None


def way_back(engine: Engine, job: FailoverJob, left: Plan) -> WayBack:
    """Plan what `left` left undone. Reads the cloud, so call it outside of transactions.

    Raises CannotRollBack where nothing can be done now, CloudNotUsable.
    """
    spec, results = FailoverSpecification.from_json(job.specification), results_of(job.pk)
    gateway = engine.worlds.of(job).gateway
    _refuse_while_at_work(job, gateway)
    if left.kind == PlanKind.COMPENSATE or (left.kind == PlanKind.FORWARD and job.point_of_no_return_at is None):
        planned = _rest_of_undo(engine, job, left)
        return WayBack(PlanKind.COMPENSATE, planned)
    whole = plans.rollback(spec, results)
    undone = _keys(job, left) if left.kind == PlanKind.ROLLBACK else _still_ours(job, whole)
    at_home = _read(job, partial(_at_home, gateway, spec))
    planned = plans.rest_of_rollback(spec, results, undone=undone, at_home=at_home)
    commands = [step.command for step in planned.steps]
    if "rollback-stop" in undone:
        # Nothing is stopped that could not be brought back.
        reverted = {command.arguments()["volume_id"] for command in commands if command.name == "revert_snapshot"}
        rollback_points(engine=engine, job=job, results=results, volume_ids=reverted)
    if not planned.steps:
        raise CannotRollBack(job, "Its disks are back on their appliance, so that nothing is reverted any more.")
    return WayBack(PlanKind.ROLLBACK, planned)


def _rest_of_undo(engine: Engine, job: FailoverJob, left: Plan) -> PlannedSteps:
    if left.kind == PlanKind.FORWARD:
        whole = undo.inverse_of(engine, plan=left)
        ours = _still_ours(job, whole)
        return undo.some_of(whole, lambda step: step.key in ours)
    return undo.skipped_of(engine, plan=left, phase=Phase.REVERTING, keys=_keys(job, left))


def _keys(job: FailoverJob, left: Plan) -> set[str]:
    """Give the steps of an undo that were skipped and still make sense.

    A disk that the undo hung back on its appliance is not reverted any more, since replication may have written to it;
    and where a later failover has worked on the disks they are left to that one.
    """
    steps = list(left.steps.all())
    returned = {_disk(step) for step in _done(steps) if step.command == "attach_to_appliance"}
    skipped = [step for step in steps if step.state == StepState.SKIPPED]
    if skipped and was_taken_up(job):
        return {step.key for step in skipped if not _disk(step)}
    return {step.key for step in skipped if step.command != "revert_snapshot" or _disk(step) not in returned}


def _still_ours(job: FailoverJob, whole: PlannedSteps) -> set[str]:
    """Give the steps that go on with a failover which was left where it was."""
    taken_up = was_taken_up(job)
    return {step.key for step in whole.steps if not (taken_up and is_about_a_replica(step))}


def is_about_a_replica(step: PlannedStep) -> bool:
    """Say whether a step moves or reverts a replica, or lets its replication go on."""
    command = step.command
    return command.name == "release_replication" or was_ever_replica(str(command.arguments().get("volume_id", "")))


def was_taken_up(job: FailoverJob) -> bool:
    """Say whether a later failover has worked on the VM's replicas: from then on they are that one's."""
    later = Step.objects.filter(plan__job__vm=job.vm_id, plan__job__pk__gt=job.pk)
    return later.filter(command__in=REPLICA_COMMANDS, state=StepState.DONE).exists()


def _done(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.state == StepState.DONE]


def _disk(step: Step) -> str:
    return str(step.arguments.get("volume_id", ""))


def _at_home(gateway: Gateway, spec: FailoverSpecification) -> set[str]:
    volumes = [gateway.volume(disk.volume_id) for disk in spec.disks]
    return {one.id for one in volumes if one is not None and one.virtual_machine_id == spec.appliance_vm_id}


def _refuse_while_at_work(job: FailoverJob, gateway: Gateway) -> None:
    """Send nothing beside a call under a stranger's id that an operator left, before that call has ended."""
    if at_work := _read(job, partial(left_at_work, job.vm_id, gateway)):
        raise CannotRollBack(job, " ".join(at_work))


def _read(job: FailoverJob, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (CloudError, SecretUnreadable) as error:
        raise CloudNotUsable(f"It can't be read what {job.job_id} left: {error}") from error
