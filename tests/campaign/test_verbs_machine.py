"""This will press the verbs of one VM's failovers in every order that hypothesis thinks of; no order does harm.

`make verbs-machine EXAMPLES=500 SEED=3` tries other orders than the build does, and more of them.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cloudstack_simulator import Fault
from inventory.models import HoldMethod
from jobs import services, verbs
from jobs.cleanup import force_cleanup
from jobs.errors import JobError
from jobs.models import FailoverJob, JobState, JobType, Outcome, Question
from jobs.retries import retry
from tests.faults.cases import KINDS
from tests.support.scenes import scene
from tests.support.worlds import assert_journal_agrees, assert_never_harmed, assert_released, remember
from validation.errors import NotReady

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

VM = "vm-one"
STRATEGIES = st.sampled_from(["clone", "detached_clone", "boot_and_revert"])
COMMANDS = st.sampled_from(
    [
        "detachVolume",
        "attachVolume",
        "createSnapshot",
        "deployVirtualMachine",
        "startVirtualMachine",
        "stopVirtualMachine",
        "revertSnapshot",
        "destroyVirtualMachine",
        "deleteSnapshot",
    ]
)
EXAMPLES, SEED = int(os.environ.get("VERBS_EXAMPLES", "0")), int(os.environ.get("VERBS_SEED", "1"))


class Verbs(RuleBasedStateMachine):
    """Presses every verb, lets time pass, kills; whatever is refused is refused without harm."""

    def __init__(self) -> None:
        """Set the scene inside a transaction that is thrown away."""
        super().__init__()
        self._rows = transaction.atomic()
        self._rows.__enter__()
        self.stage = scene(hold_method=HoldMethod.HOOK)
        self.before = remember(self.stage.simulator)

    def teardown(self) -> None:
        """Let all come to rest, look once more, and forget it."""
        try:
            self.stage.simulator.faults.clear()
            self.stage.service.run(at_each_step=lambda: assert_never_harmed(self.stage.simulator))
            assert_journal_agrees(self.stage.simulator)
        finally:
            transaction.set_rollback(True)
            self._rows.__exit__(None, None, None)

    @rule(strategy=STRATEGIES)
    def start_test(self, strategy: str) -> None:
        """Start a test, unless something is in its way."""
        self._try(lambda: self.stage.service.start_test(VM, custom_config={"test_strategy": strategy}))

    @rule()
    def start_live(self) -> None:
        """Start a live failover, unless something is in its way."""
        self._try(lambda: self.stage.service.start_live(VM))

    @rule(pick=st.integers(0, 9))
    def cancel(self, pick: int) -> None:
        """Cancel any job of the past or present."""
        job = self._any_job(pick)
        if job is not None:
            self._try(lambda: services.cancel(engine=self.stage.service.engine, job_id=job.job_id, actor="olga"))

    @rule(pick=st.integers(0, 9))
    def clean_up(self, pick: int) -> None:
        """Clean any job up."""
        job = self._any_job(pick)
        if job is not None:
            self._try(lambda: self.stage.service.clean_up(job))

    @rule(pick=st.integers(0, 9))
    def force_cleanup(self, pick: int) -> None:
        """Force the cleanup of any job."""
        job = self._any_job(pick)
        if job is not None:
            self._try(lambda: force_cleanup(engine=self.stage.service.engine, job=job, actor="olga"))

    @rule(pick=st.integers(0, 9))
    def retry(self, pick: int) -> None:
        """Try any job again, twice at once: the second press makes no other job."""
        job = self._any_job(pick)
        if job is None:
            return
        service = self.stage.service

        def press() -> None:
            for _ in range(2):
                retry(engine=service.engine, gateways=service.gateway, job_id=job.job_id, actor="olga")

        self._try(press)
        assert job.retries.exclude(state=JobState.FINISHED).count() <= 1

    @rule(pick=st.integers(0, 9))
    def roll_back(self, pick: int) -> None:
        """Roll any job back, whatever it is."""
        job = self._any_job(pick)
        if job is not None:
            engine, name = self.stage.service.engine, job.vm_name
            self._try(lambda: verbs.roll_back(engine=engine, job_id=job.job_id, typed_name=name, actor="olga"))

    @rule(pick=st.integers(0, 9))
    def commit(self, pick: int) -> None:
        """Commit any job, whatever it is."""
        job = self._any_job(pick)
        if job is not None:
            engine = self.stage.service.engine
            self._try(lambda: verbs.commit(engine=engine, job_id=job.job_id, actor="olga"))

    @rule(pick=st.integers(0, 9))
    def extend(self, pick: int) -> None:
        """Extend the window of any job."""
        job = self._any_job(pick)
        if job is not None:
            engine = self.stage.service.engine
            self._try(lambda: verbs.extend(engine=engine, job_id=job.job_id, duration="10m", actor="olga"))

    @rule(pick=st.integers(0, 9))
    def answer(self, pick: int) -> None:
        """Answer the oldest open question with any choice that it offers."""
        question = Question.objects.filter(answered_at=None).select_related("job").order_by("pk").first()
        if question is None:
            return
        choice = question.choices[pick % len(question.choices)]["choice"]
        engine, job_id = self.stage.service.engine, question.job.job_id
        self._try(
            lambda: services.answer(engine=engine, job_id=job_id, question_id=question.pk, choice=choice, actor="olga")
        )

    @rule(seconds=st.sampled_from([1.0, 3.0, 20.0, 120.0]))
    def let_time_pass(self, seconds: float) -> None:
        """Drive the service for a while."""
        end = self.stage.simulator.clock.now() + seconds
        self.stage.service.run(until=lambda: self.stage.simulator.clock.now() >= end)

    @rule()
    def kill(self) -> None:
        """Begin a new process that knows what the database holds."""
        self.stage.service.start_process()

    @rule(command=COMMANDS, kind=st.sampled_from([kind for kind in KINDS if kind != "hang"]))
    def let_a_call_go_wrong(self, command: str, kind: Any) -> None:
        """Let the next call of a command go wrong."""
        self.stage.simulator.faults.add(Fault(command, kind, seconds=20.0 if kind == "late" else 0.0))

    @invariant()
    def no_disk_is_harmed(self) -> None:
        """Read both layers of the cloud."""
        assert_never_harmed(self.stage.simulator)

    @invariant()
    def at_most_one_job_moves(self) -> None:
        """Read the journal."""
        moving = [JobState.QUEUED, JobState.RUNNING, JobState.WAITING_FOR_OPERATOR]
        assert FailoverJob.objects.filter(state__in=moving).count() <= 1

    @invariant()
    def what_has_ended_holds_nothing(self) -> None:
        """Read the journal; a live failover that is over stands where its outcome says."""
        for job in FailoverJob.objects.filter(state=JobState.FINISHED):
            assert_released(job)
            if job.job_type == JobType.LIVE and job.outcome in {Outcome.SUCCEEDED, Outcome.COMMITTED}:
                target = self.stage.simulator.vm(job.destination_vm_id)
                assert target is not None and target.running_on_hypervisor, job.job_id

    def _any_job(self, pick: int) -> FailoverJob | None:
        jobs = list(FailoverJob.objects.order_by("pk"))
        return jobs[pick % len(jobs)] if jobs else None

    def _try(self, verb: Any) -> None:
        try:
            verb()
        except (JobError, NotReady):
            return


def test_no_order_of_verbs_does_harm(db: None) -> None:
    # Derandomised: the build of one commit tries the same orders each time; `make verbs-machine` tries others.
    chosen = settings(
        max_examples=EXAMPLES or 15,
        stateful_step_count=24 if EXAMPLES else 12,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine = seed(SEED)(Verbs) if EXAMPLES else Verbs
    run_state_machine_as_test(machine, settings=chosen)


def test_the_machine_presses_every_verb() -> None:
    pressed = {name for name in vars(Verbs) if hasattr(vars(Verbs)[name], "hypothesis_stateful_rule")}
    starts, ends = {"start_live", "start_test", "retry"}, {"cancel", "clean_up", "force_cleanup", "roll_back", "commit"}
    assert pressed >= starts | ends | {"answer", "extend"}
