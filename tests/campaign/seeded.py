"""This will list safety bugs to be sown into a copy of the code, each with the dose that has to catch it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.campaign.schedule import Trouble

# In the schedules of these numbers the cloud's jobs take twelve seconds, and one.
SLOW_CLOUD, QUICK_CLOUD = 5, 1


@dataclass(frozen=True)
class Bug:
    """One bug: `old` occurs once in `file` and becomes `new`.

    `tests` are pytest targets that catch it; `troubles` a schedule of the opening `live` that does, with all chance
    from the number `seed`; neither means that a random dose of the campaign does.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    seed: int = SLOW_CLOUD


_GUARANTEES = "tests/guarantees/test_rule_"
ATTEMPTS, CLAIMS, RUNTIME = "jobs/engine/attempts.py", "jobs/engine/claims.py", "jobs/runtime.py"

BUGS: tuple[Bug, ...] = (
    Bug(
        "send what was never intended",
        ATTEMPTS,
        "Ticket(async_job_id=attempt.async_job_id,",
        "Ticket(async_job_id=engine.new_id(),",
    ),
    Bug(
        "never take over the intent of the dead",
        "jobs/engine/board.py",
        "        return orphaned + due",
        "        return due",
    ),
    Bug(
        "take a lost answer for a call that was not made",
        ATTEMPTS,
        "            _become_unknown_after_loss(engine, job, attempt, claimed.command, answer.text)",
        "            attempt_is_not_done(engine, job=job, step=step, attempt=attempt, sentence='lost', code=None, "
        "may_retry=True)",
        troubles=(Trouble("lost_answer", "call", "detachVolume"),),
    ),
    Bug(
        "treat failed as not done, at once",
        ATTEMPTS,
        '    if kind == "failed":\n        _become',
        '    if kind == "never":\n        _become',
        (f"{_GUARANTEES}02_three_outcomes.py",),
    ),
    Bug(
        "forget the settling time",
        ATTEMPTS,
        "settled = attempt.deadline + timedelta(seconds=skew + command.longest_create_seconds)",
        "settled = engine.clock.now()",
        troubles=(Trouble("stolen", "before_call", "detachVolume", seconds=6.0),),
        seed=QUICK_CLOUD,
    ),
    Bug(
        "skip the second reading",
        ATTEMPTS,
        "    newest = attempt.readings[-1]\n",
        "    return True\n",
        (f"{_GUARANTEES}02_three_outcomes.py", "tests/faults/test_live_single_faults.py"),
    ),
    Bug(
        "skip the read-back of a success",
        ATTEMPTS,
        "    if isinstance(sight, Holds):\n        attempt_is_done",
        "    if True:\n        sight = Holds(getattr(sight, 'result', {}), sight.seen)\n        attempt_is_done",
        ("tests/engine/test_findings_of_the_campaign.py",),
    ),
    Bug(
        "treat 431 as already done",
        ATTEMPTS,
        "    match sight:\n        case Absent():\n            attempt_is_not_done(",
        "    if code == 431:\n        sight = Holds({}, 'refused, so it was done already')\n"
        "    match sight:\n        case Absent():\n            attempt_is_not_done(",
    ),
    Bug(
        "take the good look of a revert for its proof",
        ATTEMPTS,
        "    if isinstance(sight, Holds) and command.only_the_answer_proves:",
        "    if False:",
        (f"{_GUARANTEES}02_three_outcomes.py",),
    ),
    Bug(
        "go on under a stranger's job id",
        ATTEMPTS,
        "        case Submitted(is_ours=True):",
        "        case Submitted(is_ours=True | False):",
        ("tests/engine/test_live_stories.py",),
    ),
    Bug(
        "follow a job no more after its answer was lost",
        ATTEMPTS,
        "    if answer is None:\n        return False\n    return _set(",
        "    if True:\n        return False\n    return _set(",
        # The job goes on for longer than its request could still arrive, and nobody has heard of it.
        troubles=(
            Trouble("hang", "call", "detachVolume", seconds=4200.0),
            Trouble("kill", "after_call", "detachVolume"),
        ),
    ),
    Bug(
        "reserve nothing",
        CLAIMS,
        "        for resource in sorted(set(command.touches()))\n",
        "        for resource in ()\n",
        (f"{_GUARANTEES}05_one_writer.py",),
    ),
    Bug(
        "send to a cloud whose clock is off",
        CLAIMS,
        "    if skew is None or abs(skew) <= engine.rules.largest_skew:",
        "    if True:",
        ("tests/engine/test_live_stories.py", "tests/stories/test_windows.py"),
    ),
    Bug(
        "pass the point of no return over a cancel",
        CLAIMS,
        '    not_cancelled = {"cancel_requested_at": None}',
        "    not_cancelled: dict[str, object] = {}",
        ("tests/engine/test_findings_of_the_campaign.py",),
    ),
    Bug(
        "forget the point of no return",
        CLAIMS,
        "    marks = _mark(engine) if step.is_point_of_no_return else {}\n    soon",
        "    marks: dict[str, Any] = {}\n    soon",
        (f"{_GUARANTEES}10_point_of_no_return.py",),
    ),
    Bug(
        "undo a failed start by itself",
        "jobs/engine/endings.py",
        "        elif step.is_point_of_no_return and not untouched:",
        "        elif False:",
        (f"{_GUARANTEES}10_point_of_no_return.py",),
    ),
    Bug(
        "let a finished attempt keep its reservations",
        "jobs/engine/endings.py",
        '    return Gone(Reservation, where="attempt", equals=attempt.pk, column="resource")',
        '    return Gone(Reservation, where="attempt", equals=0, column="resource")',
        # A dose leads to the end of a failover before it plays, and no failover ends with this bug.
        troubles=(Trouble("lost_answer", "call", "detachVolume"),),
    ),
    Bug(
        "look at no job again",
        "jobs/engine/decisions.py",
        '        "next_look_at": _next_look(engine, board, startable=startable, due_now=due_now),',
        '        "next_look_at": None,',
    ),
    Bug(
        "write from what was read before others wrote",
        "jobs/engine/journal.py",
        '    as_read = {"turn": job.turn, "next_look_at": job.next_look_at, "cancel_requested_at": None}',
        "    as_read: dict[str, Any] = {}",
        ("tests/engine/test_turns.py",),
    ),
    Bug(
        "clean up before the window ends",
        "jobs/engine/windows.py",
        "    over = job.window_ends_at is not None and now >= job.window_ends_at",
        "    over = True",
        ("tests/stories/test_windows.py",),
    ),
    Bug(
        "clean up a live failover",
        "jobs/cleanup.py",
        "    if job.job_type != JobType.TEST:\n        raise CannotCleanUp(job)",
        "    if False:\n        raise CannotCleanUp(job)",
        ("tests/jobs/test_cleanup.py", "tests/stories/test_cleanups.py", "tests/api/test_failover_tests.py"),
    ),
    Bug(
        "drop the guard of the destruction",
        "jobs/commands/target.py",
        '        return ", ".join(f"replica {volume.id}" for volume in volumes if world.was_ever_replica(volume.id))',
        '        return "" if volumes else ""',
        (f"{_GUARANTEES}04_never_destroy.py",),
    ),
    Bug(
        "let the destroy port pass replicas",
        "jobs/destroy_port.py",
        '        if kind == "volume" and was_ever_replica(id):',
        "        if False:",
        (f"{_GUARANTEES}04_never_destroy.py",),
    ),
    Bug(
        "let the destroy port pass what nobody made",
        "jobs/destroy_port.py",
        "        return f\"No job of this system made the {kind.replace('_', ' ')} {id}.\"",
        "        return None",
        (f"{_GUARANTEES}04_never_destroy.py", "tests/cloudstack", "tests/jobs/test_orphans.py"),
    ),
    Bug(
        "delete a copy without asking whether it is a replica",
        "jobs/commands/clones.py",
        "        if world.was_ever_replica(self.volume_id):",
        "        if False:",
        (f"{_GUARANTEES}04_never_destroy.py",),
    ),
    Bug(
        "put a replica back at another place",
        "jobs/commands/appliance.py",
        "            self.volume_id, self.appliance_vm_id, device_id=self.device_id, ticket=ticket_of(ticket)",
        "            self.volume_id, self.appliance_vm_id, device_id=self.device_id + 8, ticket=ticket_of(ticket)",
    ),
    Bug(
        "take two disks off one appliance at once",
        "jobs/commands/appliance.py",
        '    def touches(self) -> tuple[str, ...]:\n        """Reserve the disk and the appliance\'s hot-plug."""\n'
        '        return (f"volume:{self.volume_id}", HOT.format(appliance=self.appliance_vm_id))\n\n'
        "    def guard(self, world: World) -> Guarded:\n"
        '        """Run only on a quiet disk that hangs on its own appliance."""',
        '    def touches(self) -> tuple[str, ...]:\n        """Reserve the disk."""\n'
        '        return (f"volume:{self.volume_id}",)\n\n'
        "    def guard(self, world: World) -> Guarded:\n"
        '        """Run only on a quiet disk that hangs on its own appliance."""',
        (f"{_GUARANTEES}05_one_writer.py",),
    ),
    Bug(
        "adopt any VM of the name",
        "jobs/commands/target.py",
        '        wanted = [str(nic["network_id"]) for nic in self.nics]\n        found',
        '        return ""\n        found',
        (f"{_GUARANTEES}03_adopt.py",),
    ),
    Bug(
        "start whatever hangs on the VM",
        "jobs/commands/power.py",
        "        if found != self.disks:",
        "        if False:",
        (f"{_GUARANTEES}07_all_disks_or_none.py",),
    ),
    Bug(
        "accept a torn set of snapshots",
        "jobs/commands/safety.py",
        "        if now != self.mark:",
        "        if False:",
        ("tests/stories/test_makings.py",),
    ),
    Bug(
        "call replication held without asking",
        "jobs/commands/replication.py",
        "        if state.has_let_go:\n            return Already({}, seen=state.words)\n        match",
        "        if True:\n            return Already({}, seen=state.words)\n        match",
        (f"{_GUARANTEES}07_all_disks_or_none.py",),
    ),
    Bug(
        "trust a revert",
        RUNTIME,
        '        if command == "revert_snapshot" and result.get("reverted"):\n',
        '        if command == "never":\n',
    ),
    Bug(
        "do not revert what was booted",
        "jobs/commands/reverts.py",
        "        if not world.was_started():",
        "        if True:",
    ),
    Bug(
        "throw the last snapshot of a booted replica away",
        "jobs/commands/snapshots.py",
        "        if self.keep_when_written and world.was_started():",
        "        if False:",
        (f"{_GUARANTEES}08_reverts.py",),
    ),
    Bug(
        "keep the VM for ever",
        RUNTIME,
        "open_rollback_window(job, now=self.now())\n        release(",
        "open_rollback_window(job, now=self.now())\n        dict(",
    ),
    Bug(
        "put a test on any network",
        RUNTIME,
        "        if is_test and designated is not True:",
        "        if False:",
        ("tests/stories/test_isolation.py",),
    ),
    Bug(
        "trust a replica that a host may have detached",
        RUNTIME,
        '            step__command="detach_from_appliance",',
        '            step__command="never",',
        ("tests/engine/test_findings_of_the_campaign.py",),
    ),
)
