"""The rest of a half-done rollback is asked for again, and one of its calls goes wrong: no disk is lost over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from cloudstack_simulator import Fault
from tests.faults.cases import KINDS
from tests.support.checkpoints import Checkpoint, kept
from tests.support.choices import answer_to
from tests.support.ends_of_rollbacks import assert_rolled_back
from tests.support.half_done import half_rolled_back, roll_back
from tests.support.telling import carry_on

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def _half_rolled_back() -> Checkpoint:
    stage, job, before = half_rolled_back("detachVolume", "vm-one")
    return Checkpoint(stage, job.pk, before)


@pytest.fixture(scope="module")
def half_done(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Checkpoint]:
    """Give a rollback that left its disk on the target; all cases share it."""
    del django_db_setup
    with django_db_blocker.unblock(), kept(_half_rolled_back) as there:
        yield there


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["detachVolume", "revertSnapshot", "attachVolume", "destroyVirtualMachine"])
def test_a_fault_while_the_rest_is_rolled_back_costs_no_disk(half_done: Checkpoint, command: str, kind: str) -> None:
    stage, job = half_done.go_on()
    fault = Fault(command, kind, seconds=20.0 if kind == "late" else 0.0)  # type: ignore[arg-type]
    stage.simulator.faults.add(fault)

    roll_back(stage, job)
    carry_on(stage)
    while (question := job.questions.filter(answered_at=None).first()) is not None:
        if question.kind == "endless_job":
            stage.simulator.restart_management_server()
        offered = [choice["choice"] for choice in question.choices]
        answer_to(stage, job, question, "look_again" if "look_again" in offered else "retry")
        carry_on(stage)

    assert stage.simulator.faults.fired, "the fault never took place"
    assert_rolled_back(stage, job, half_done.before)
