"""This will start failovers: prepare, and write the jobs; or stop before the writing (a dry run)."""

from __future__ import annotations

from jobs.engine.ports import Engine
from jobs.models import FailoverJob, JobType
from jobs.prepared_starts import Asked, PreparedStart, StartRequest, StartTestRequest, prepare_each
from jobs.runtime import Gateways
from jobs.written_starts import write_one


def start_live(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartRequest, actor: str) -> FailoverJob:
    """Validate and start a live failover; raises what `prepare_live` raises, and then there is no job."""
    return write_one(engine, prepare_live(engine=engine, gateways=gateways, vm_id=vm_id, request=request), actor=actor)


def start_test(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartTestRequest, actor: str) -> FailoverJob:
    """Validate and start a test failover; it ends by `cleanup`, or by the clock with `auto_cleanup`.

    Raises what `prepare_test` raises, and then there is no job.
    """
    return write_one(engine, prepare_test(engine=engine, gateways=gateways, vm_id=vm_id, request=request), actor=actor)


def prepare_live(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartRequest) -> PreparedStart:
    """Validate and plan a live failover.

    Raises VMNotFound, CloudNotUsable, ActiveJob, ContradictoryOptions, NotReady (with the findings).
    """
    return _prepared(engine, gateways, JobType.LIVE, Asked(vm_id, request))


def prepare_test(*, engine: Engine, gateways: Gateways, vm_id: str, request: StartTestRequest) -> PreparedStart:
    """Validate and plan a test failover.

    Raises VMNotFound, CloudNotUsable, ActiveJob, NotReady, SnapshotsForbidden, RevertForbidden.
    """
    return _prepared(engine, gateways, JobType.TEST, Asked(vm_id, request))


def _prepared(engine: Engine, gateways: Gateways, kind: JobType, asked: Asked) -> PreparedStart:
    (outcome,) = prepare_each(engine=engine, gateways=gateways, kind=kind, asked=[asked])
    if isinstance(outcome, PreparedStart):
        return outcome
    raise outcome
