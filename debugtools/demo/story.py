"""This will tell the demo's story, act by act; every act speaks to the service over HTTP and to nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from debugtools.demo.cast import EVERYBODY, FAILING_OVER, UNSYNCED, Role
from debugtools.demo.client import Refused
from debugtools.demo.following import Answer, follow
from debugtools.demo.stage import Stage
from debugtools.demo.verdict import Claim, Move, judge
from debugtools.demo.world import Disk, World

_PROBE_LOOKS = 40
_GIB = 1 << 30
_NETWORK_NAMES = {network.network_id: network.name for role in EVERYBODY for _, network in role.networks}


def tell(stage: Stage) -> list[Claim]:
    """Play all acts and give what must be so at the end."""
    before = stage.world()
    map_networks(stage, EVERYBODY)
    show_readiness(stage, EVERYBODY)
    refused = start_that_is_refused(stage, UNSYNCED)
    moves = live_failovers(stage, FAILING_OVER)
    after = stage.world()
    show_world(stage, after)
    claims = [refused, *judge(before=before, after=after, moves=moves, untouched=[UNSYNCED])]
    show_claims(stage, claims)
    return claims


def map_networks(stage: Stage, roles: Sequence[Role]) -> None:
    """Say where each source network goes in a live failover."""
    stage.screen.heading("Network mappings: where each VM's networks go")
    rows = []
    for role in roles:
        for source, target in role.networks:
            stage.administrator.post(
                "/api/v1/network-mappings",
                {
                    "vm_id": role.vm_id,
                    "source_network_name": source,
                    "destination_network_id": target.network_id,
                    "destination_network_name": target.name,
                    "is_test_network": False,
                },
            )
            rows.append((role.name, source, target.name))
    stage.screen.table(("VM", "source network", "target network (live)"), rows)


def show_readiness(stage: Stage, roles: Sequence[Role]) -> None:
    """Ask for each VM whether it can fail over now."""
    stage.screen.heading("Readiness: can these VMs fail over now?")
    _let_the_cloud_be_probed(stage, roles[0])
    for role in roles:
        answer = _readiness(stage, role)
        result = answer["validation_result"]
        passed = sum(check["status"] == "pass" for check in result["checks"])
        checks = f"{passed} of {len(result['checks'])} checks passed, in {result['execution_time'] / 1e6:.0f} ms"
        if answer["is_valid"]:
            stage.screen.good(f"{role.name} is ready: {checks}; it should take {result['estimated_duration']}")
        else:
            stage.screen.bad(f"{role.name} is not ready: {checks}")
        for sentence in [*result["errors"], *(f"warning: {warning}" for warning in result["warnings"])]:
            stage.screen.reason(sentence)
        for action in answer["required_actions"]:
            stage.screen.advice(action)


def start_that_is_refused(stage: Stage, role: Role) -> Claim:
    """Start a VM whose sync never finished: the answer is a refusal with its reasons, and no job."""
    stage.screen.heading(f"A start that is refused: {role.name}, whose sync never finished")
    text = f"The start of {role.name} was refused, and no job was made of it"
    try:
        answer = stage.operator.post("/api/v1/failover/live", {"vm_id": role.vm_id, "vm_name": role.name})
    except Refused as refusal:
        stage.screen.good(f"Refused with {refusal.status} {refusal.body['error_code']}: {refusal.body['message']}")
        for sentence in refusal.reasons:
            stage.screen.reason(sentence)
        for action in refusal.required_actions:
            stage.screen.advice(action)
        jobs = stage.operator.get("/api/v1/failover/jobs", vm_id=role.vm_id)["total_jobs"]
        return Claim(text, (f"{jobs} jobs were made",) if jobs else ())
    stage.screen.bad(f"{role.name} was started, though its sync never finished: {answer['job_id']}")
    return Claim(text, (f"it was started as {answer['job_id']}",))


def live_failovers(stage: Stage, roles: Sequence[Role]) -> list[Move]:
    """Start the VMs at once and follow them to their end."""
    names = " and ".join(role.name for role in roles)
    stage.screen.heading(f"Live failovers at once: {names}")
    jobs = {}
    for role in roles:
        answer = stage.operator.post(
            "/api/v1/failover/live", {"vm_id": role.vm_id, "vm_name": role.name, "reason": "demo"}
        )
        jobs[role.name] = answer["job_id"]
        stage.screen.say(f"{role.name}: {answer['message']}")
        stage.screen.say(f"  job {answer['job_id']}", style="dim")
    stage.screen.console.print()
    answers = follow(stage, jobs, seconds=240.0 + 60.0 * stage.job_seconds)
    stage.screen.console.print()
    for role in roles:
        _show_end(stage, role, answers[role.name])
    return [Move(role, answers[role.name]["job_details"]["destination_vm_id"] or "") for role in roles]


def show_world(stage: Stage, world: World) -> None:
    """Show what is where in the cloud, by its own truth."""
    stage.screen.heading("What is where in the cloud now")
    rows: list[tuple[str, ...]] = []
    for machine in world.machines.values():
        networks = ", ".join(_NETWORK_NAMES.get(network_id, network_id) for network_id in machine.networks)
        rows.append((machine.name, f"{machine.state}, on {networks}", "", "runs" if machine.runs else "does not run"))
        rows.extend(_disk_row(world, device, world.disks[volume_id]) for device, volume_id in machine.disks.items())
    rows.extend(_disk_row(world, None, disk) for disk in world.disks.values() if disk.vm_id is None)
    stage.screen.table(("VM and its devices", "by CloudStack's record", "size", "by the hypervisor"), rows)
    snapshots = [f"{copy.name} ({copy.state})" for copy in world.snapshots]
    deleted = [f"{disk.name} ({'REPLICA' if disk.replica else 'placeholder'})" for disk in world.deleted]
    stage.screen.console.print()
    stage.screen.say(f"Snapshots: {', '.join(snapshots) or 'none'}")
    stage.screen.say(f"Deleted:   {', '.join(deleted) or 'nothing'}")
    stage.screen.say(f"Alarms:    {'; '.join(world.alarms) or 'none'}", style="bold red" if world.alarms else "")


def show_claims(stage: Stage, claims: Sequence[Claim]) -> None:
    """Say of each claim whether it holds."""
    stage.screen.heading("Is the world as it must be?")
    for claim in claims:
        if claim.holds:
            stage.screen.good(claim.text)
        else:
            stage.screen.bad(claim.text)
            for wrong in claim.wrongs:
                stage.screen.reason(wrong)


def _disk_row(world: World, device: int | None, disk: Disk) -> tuple[str, ...]:
    held = " and ".join(world.name_of(holder) for holder in disk.holders) or "no domain"
    place = "detached" if device is None else f"  device {device}"
    return (place, disk.name, f"{disk.size // _GIB} GiB", f"held by {held}")


def _readiness(stage: Stage, role: Role) -> dict[str, Any]:
    return stage.operator.get(f"/api/v1/failover/{role.vm_id}/readiness")


def _let_the_cloud_be_probed(stage: Stage, role: Role) -> None:
    """Wait until the service knows the cloud: it probes each cloud once, beside its other work."""
    for _ in range(_PROBE_LOOKS):
        checks = _readiness(stage, role)["validation_result"]["checks"]
        if all(check["status"] == "pass" for check in checks if check["check_name"] == "Async Job Ids"):
            return
        stage.pause(0.5)


def _show_end(stage: Stage, role: Role, answer: Answer) -> None:
    screen, seconds = stage.screen, answer["duration"] / 1e9
    if answer["outcome"] == "succeeded":
        screen.good(
            f"{role.name} failed over in {seconds:.1f} s; its VM is {answer['job_details']['destination_vm_id']}"
        )
        return
    ended = f"ended as {answer['outcome']}" if answer["outcome"] else "waits for an operator's answer"
    screen.bad(f"{role.name} {ended}, {seconds:.1f} s after its start")
    if message := answer["job_details"]["error_message"]:
        screen.reason(message)
    for question in answer["questions"]:
        screen.reason(f"question {question['id']}: {question['question']}")
        for choice in question["choices"]:
            screen.advice(f"answer {' - '.join(str(part) for part in choice.values())}")
