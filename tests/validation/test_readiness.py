"""This will prove what makes a VM ready, and that each wrong is found, named and answered with an action."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cloudstack.errors import CallError, CloudRefusedRead, CloudUnreachable
from cloudstack.results import ResourceLimit
from inventory.models import ProtectedVM, Replication, ReplicaVolume, ReservationKind, TargetCloud
from inventory.reservations import reserve
from networks.models import Purpose
from tests.networks.rows import (
    APPLIANCE_VM,
    OFFERING,
    PRODUCTION,
    SECOND_PRODUCTION,
    TEMPLATE,
    TEST_NETWORK,
    ZONE,
    mapped,
    protected_vm,
)
from tests.validation.still_cloud import SteadyClock, StillCloud, healthy_cloud
from validation.checks import CHECKS
from validation.cloud_facts import SHARED_SECONDS, CloudQuestions, read_cloud
from validation.errors import NotReady
from validation.keeping import keep_findings
from validation.models import ValidationCheck
from validation.services import refuse_unless_ready, validate
from validation.verdict import Judged, Verdict

pytestmark = pytest.mark.django_db

Bend = Callable[[ProtectedVM, StillCloud], None]


@pytest.fixture
def vm() -> ProtectedVM:
    """Make a VM that is ready: two synced disks, one mapped network."""
    vm = protected_vm(disks=2)
    mapped(vm)
    return vm


NOW = SteadyClock()


def _judge(
    vm: ProtectedVM, cloud: StillCloud | None, purpose: Purpose = Purpose.LIVE, *, clock: SteadyClock = NOW
) -> Verdict:
    fresh = ProtectedVM.objects.select_related("cloud", "appliance").get(pk=vm.pk)
    return validate(vm=fresh, purpose=purpose, overrides={}, gateway=cloud, clock=clock)


def _named(verdict: Verdict, name: str) -> Judged:
    return next(judged for judged in verdict.checks if judged.check.name == name)


def test_a_synced_mapped_vm_on_a_healthy_cloud_is_ready_with_a_full_score(vm: ProtectedVM) -> None:
    verdict = _judge(vm, healthy_cloud(vm))

    assert verdict.is_ready, verdict.errors
    assert (verdict.readiness_score, verdict.warnings, verdict.required_actions) == (100.0, (), ())


def _volume(number: int, **changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        id = vm.disks.get(position=number).replica.volume_id
        cloud.known_volumes[id] = dataclasses.replace(cloud.known_volumes[id], **changes)  # type: ignore[arg-type]

    return bend


def _volume_gone(vm: ProtectedVM, cloud: StillCloud) -> None:
    cloud.known_volumes.popitem()


def _replica(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).update(**changes)

    return bend


def _no_replica(vm: ProtectedVM, cloud: StillCloud) -> None:
    ReplicaVolume.objects.filter(disk__vm=vm, disk__position=1).delete()


def _replicating(vm: ProtectedVM, cloud: StillCloud) -> None:
    Replication.objects.create(
        vm=vm, replication_id="migration-job-12345", kind="incremental", status="replicating", percentage=37
    )


def _held(vm: ProtectedVM, cloud: StillCloud) -> None:
    now = datetime.now(tz=UTC)
    reserve(vm=vm, kind=ReservationKind.FAILOVER, reference="live-failover-9", now=now)


def _unmapped(vm: ProtectedVM, cloud: StillCloud) -> None:
    vm.network_mappings.all().delete()


def _cloud_row(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        TargetCloud.objects.filter(pk=vm.cloud_id).update(**changes)

    return bend


def _vm_row(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        ProtectedVM.objects.filter(pk=vm.pk).update(**changes)

    return bend


def _mapping(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        vm.network_mappings.update(**changes)

    return bend


def _cloud(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        for name, value in changes.items():
            setattr(cloud, name, value)

    return bend


def _part(name: str, **changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        setattr(cloud, name, dataclasses.replace(getattr(cloud, name), **changes))

    return bend


def _network(**changes: object) -> Bend:
    def bend(vm: ProtectedVM, cloud: StillCloud) -> None:
        cloud.known_networks[PRODUCTION] = dataclasses.replace(cloud.known_networks[PRODUCTION], **changes)  # type: ignore[arg-type]

    return bend


ELSEWHERE = "11111111-2222-4333-8444-555555555555"
WRONGS: list[tuple[str, str, Bend]] = [
    ("Sync Status", "VALIDATION_FAILED", _replica(change_id="")),
    ("Sync Status", "VALIDATION_FAILED", _replica(last_sync_at=None)),
    ("Sync Status", "VALIDATION_FAILED", _replica(state="unverified")),
    ("Sync Status", "VALIDATION_FAILED", _replica(state="needs_full_resync")),
    ("Sync Status", "VOLUME_NOT_AVAILABLE", _no_replica),
    ("Active Jobs", "ACTIVE_JOBS", _replicating),
    ("Active Jobs", "ACTIVE_JOBS", _held),
    ("Network Mapping", "NETWORK_MAPPING_MISSING", _unmapped),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume_gone),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(1, state="Snapshotting")),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(0, virtual_machine_id=None, device_id=None)),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(1, virtual_machine_id=ELSEWHERE)),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(1, size=1024)),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(1, device_id=0)),
    ("Volume Status", "VOLUME_NOT_AVAILABLE", _volume(1, zone_id=ELSEWHERE)),
    ("Appliance", "VALIDATION_FAILED", _volume(1, account="stranger")),
    ("Appliance", "VALIDATION_FAILED", _cloud(appliance=None)),
    ("Appliance", "VALIDATION_FAILED", _part("appliance", state="Migrating")),
    ("Target Cloud", "VALIDATION_FAILED", _cloud(known_zone=None)),
    ("Target Cloud", "VALIDATION_FAILED", _part("known_zone", allocation_state="Disabled")),
    ("Target Networks", "VALIDATION_FAILED", _cloud(known_networks={})),
    ("Target Networks", "VALIDATION_FAILED", _network(zone_id=ELSEWHERE)),
    ("Target Networks", "VALIDATION_FAILED", _network(state="Destroy")),
    ("Target Networks", "VALIDATION_FAILED", _mapping(fixed_ip="192.168.7.7")),
    ("Clock Skew", "VALIDATION_FAILED", _cloud(clock_skew=-10.5)),
    ("Async Job Ids", "VALIDATION_FAILED", _cloud_row(customjobid_honoured=False)),
    ("Permissions and Limits", "VALIDATION_FAILED", _cloud(apis=frozenset({"listVolumes"}))),
    ("Permissions and Limits", "VALIDATION_FAILED", _cloud(limits=(ResourceLimit("snapshot", 1),))),
    ("Service Offering", "VALIDATION_FAILED", _cloud(offering=None)),
    ("Service Offering", "VALIDATION_FAILED", _part("offering", max_cpu_number=1)),
    ("Service Offering", "VALIDATION_FAILED", _part("offering", is_volatile=True)),
    ("Template", "VALIDATION_FAILED", _cloud(placeholder=None)),
    ("Template", "VALIDATION_FAILED", _part("placeholder", is_ready=False)),
]


@pytest.mark.parametrize(("name", "code", "bend"), WRONGS)
def test_each_wrong_is_found_by_its_check_and_answered_with_an_action(
    vm: ProtectedVM, name: str, code: str, bend: Bend
) -> None:
    cloud = healthy_cloud(vm)
    bend(vm, cloud)

    verdict = _judge(vm, cloud)

    found = _named(verdict, name)
    assert found.finding.status == "fail", found.finding
    assert found.finding.errors and found.finding.required_actions
    assert not verdict.is_ready and verdict.readiness_score < 100.0
    assert verdict.blocking_codes[0] == code


def test_a_job_is_not_in_its_own_way(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    _held(vm, cloud)

    verdict = validate(
        vm=vm,
        purpose=Purpose.LIVE,
        overrides={},
        gateway=cloud,
        clock=SteadyClock(),
        own_reference="live-failover-9",
    )

    assert verdict.is_ready, verdict.errors


def test_every_critical_check_has_a_test_that_fails_it() -> None:
    tested = {name for name, _, _ in WRONGS} | {"VM Existence", "Addresses", "Device Slots"}

    assert tested >= {check.name for check in CHECKS if check.check_type == "critical"}


def test_a_vm_without_its_boot_disk_is_not_ready() -> None:
    vm = protected_vm(disks=0)
    mapped(vm)

    assert _named(_judge(vm, healthy_cloud(vm)), "VM Existence").finding.status == "fail"


def test_two_nics_that_keep_one_mac_are_refused(vm: ProtectedVM) -> None:
    nic = vm.nics.get()
    vm.nics.create(position=1, mac=nic.mac, network_name="VM Network", adapter="e1000")
    vm.network_mappings.update(keep_mac=True)

    assert _named(_judge(vm, healthy_cloud(vm)), "Addresses").finding.status == "fail"


def test_two_nics_on_one_target_network_are_refused_and_told_apart_by_mac(vm: ProtectedVM) -> None:
    second = vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name="VM Network", adapter="e1000")
    cloud = healthy_cloud(vm)

    found = _named(_judge(vm, cloud), "Network Mapping").finding
    assert found.status == "fail" and "NICs 0 and 1 (VM Network)" in found.errors[0]
    assert "source_mac" in found.required_actions[0]

    mapped(vm, to=SECOND_PRODUCTION, mac=second.mac)

    assert _judge(vm, cloud).is_ready


def test_two_spellings_of_one_target_network_are_one_network(vm: ProtectedVM) -> None:
    vm.nics.create(position=1, mac="00:50:56:00:00:77", network_name="Backup", adapter="e1000")
    mapped(vm, "Backup", to=PRODUCTION.upper())

    assert _named(_judge(vm, healthy_cloud(vm)), "Network Mapping").finding.status == "fail"


def test_a_vm_with_more_disks_than_device_slots_is_refused() -> None:
    vm = protected_vm(disks=34)
    mapped(vm)

    assert _named(_judge(vm, healthy_cloud(vm)), "Device Slots").finding.status == "fail"


def test_an_l2_network_cannot_give_a_fixed_address(vm: ProtectedVM) -> None:
    mapping = mapped(vm, to=TEST_NETWORK, test=True)
    mapping.fixed_ip = "10.1.1.9"
    mapping.save()

    verdict = _judge(vm, healthy_cloud(vm), Purpose.TEST)

    assert "L2" in _named(verdict, "Target Networks").finding.errors[0]


def test_a_network_id_that_is_no_uuid_blocks_instead_of_reaching_a_foreign_object(vm: ProtectedVM) -> None:
    vm.network_mappings.update(destination_network_id="17")

    verdict = _judge(vm, healthy_cloud(vm))

    assert _named(verdict, "Target Networks").finding.status == "skipped"
    assert not verdict.is_ready


UNREACHABLE = CloudUnreachable(CallError("listVolumes", None, None, None, "connection refused", None))
BAD_KEY = CloudRefusedRead(CallError("listVolumes", 401, 401, None, "unable to verify user credentials", None))


@pytest.mark.parametrize("failure", [UNREACHABLE, BAD_KEY])
def test_an_unreachable_cloud_is_a_finding_and_not_an_error(
    vm: ProtectedVM, failure: CloudUnreachable | CloudRefusedRead
) -> None:
    cloud = healthy_cloud(vm)
    cloud.fails["listVolumes"] = failure

    verdict = _judge(vm, cloud)

    assert verdict.blocking_codes == ("OSSEA_API_ERROR",)
    assert _named(verdict, "Volume Status").finding.status == "skipped"
    assert "listNetworks" not in cloud.asked


def test_a_cloud_without_credentials_is_not_configured(vm: ProtectedVM) -> None:
    assert _judge(vm, None).blocking_codes == ("OSSEA_NOT_CONFIGURED",)


def test_a_cloud_that_hangs_does_not_hold_the_answer_beyond_its_budget(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    cloud.hangs_until = threading.Event()
    questions = CloudQuestions(APPLIANCE_VM, (), (), ZONE, OFFERING, TEMPLATE, "")

    facts = read_cloud(reads=cloud, questions=questions, clock=SteadyClock(), budget_seconds=0.05)
    cloud.hangs_until.set()

    assert facts.unreachable == "the cloud did not answer within 0.05 s"
    assert facts.why_unread("appliance_vm") == facts.unreachable


def test_what_seldom_changes_is_read_once_a_minute(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)

    _judge(vm, cloud)
    _judge(vm, cloud)

    assert cloud.asked.count("listApis") == 1
    assert cloud.asked.count("listVolumes") == 2


def test_who_mends_the_cloud_is_not_judged_by_what_was_remembered(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    allowed, cloud.apis = cloud.apis, frozenset()
    assert not _judge(vm, cloud).is_ready

    cloud.apis = allowed

    assert _judge(vm, cloud).is_ready


def test_skip_validation_skips_what_is_no_safety_check_and_nothing_else(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    cloud.placeholder = None
    refuse_unless_ready(_judge(vm, cloud), skip_validation=True)

    _held(vm, cloud)
    with pytest.raises(NotReady) as refused:
        refuse_unless_ready(_judge(vm, cloud), skip_validation=True)

    assert refused.value.error_code == "ACTIVE_JOBS"
    assert "live-failover-9" in str(refused.value)


def test_a_test_needs_test_mappings_and_commands(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    assert _judge(vm, cloud, Purpose.TEST).blocking_codes == ("NETWORK_MAPPING_MISSING",)

    mapped(vm, to=TEST_NETWORK, test=True)

    assert _judge(vm, cloud, Purpose.TEST).is_ready


@pytest.fixture
def tested(vm: ProtectedVM) -> ProtectedVM:
    """Map the VM's network for tests too."""
    mapped(vm, to=TEST_NETWORK, test=True)
    return vm


def _snapshots_forbidden(vm: ProtectedVM) -> StillCloud:
    cloud = healthy_cloud(vm)
    cloud.snapshots_of_running_vms = False
    return cloud


def test_a_test_says_how_it_gets_its_copies_where_running_vms_may_not_be_snapshot(tested: ProtectedVM) -> None:
    verdict = _judge(tested, _snapshots_forbidden(tested), Purpose.TEST)

    assert verdict.is_ready
    assert _named(verdict, "Test Snapshots").finding.details["strategy"] == "detached_clone"
    assert any("off the appliance" in warning for warning in verdict.warnings)


def test_a_fallback_that_is_switched_off_is_found_with_the_setting_to_change(tested: ProtectedVM) -> None:
    TargetCloud.objects.update(test_strategy="clone")

    found = _named(_judge(tested, _snapshots_forbidden(tested), Purpose.TEST), "Test Snapshots").finding

    assert found.status == "fail"
    assert found.required_actions[0] == "Enable kvm.snapshot.enabled in CloudStack global settings"


def test_a_live_failover_needs_no_copies(vm: ProtectedVM) -> None:
    verdict = _judge(vm, _snapshots_forbidden(vm))

    assert (_named(verdict, "Test Snapshots").finding.status, verdict.warnings) == ("pass", ())


@pytest.mark.parametrize(
    "limit", [ResourceLimit("volume", 4), ResourceLimit("snapshot", 1), ResourceLimit("primary_storage", 215)]
)
def test_an_account_too_small_for_the_copies_of_a_test_may_still_fail_over(
    tested: ProtectedVM, limit: ResourceLimit
) -> None:
    cloud = healthy_cloud(tested)
    cloud.limits = (limit,)

    found = _named(_judge(tested, cloud, Purpose.TEST), "Permissions and Limits").finding

    assert found.status == "fail" and limit.type_name in found.errors[0]
    assert _judge(tested, cloud).is_ready == (limit.type_name != "snapshot")


def test_a_test_on_the_replicas_themselves_needs_no_room_for_copies(tested: ProtectedVM) -> None:
    cloud = healthy_cloud(tested)
    cloud.limits = (ResourceLimit("volume", 4),)
    cloud.apis = cloud.apis - {"createVolume"}

    verdict = validate(
        vm=tested, purpose=Purpose.TEST, overrides={}, gateway=cloud, clock=SteadyClock(), copies_disks=False
    )

    assert verdict.is_ready, verdict.errors


@pytest.mark.parametrize("missing", ["createVolume", "stopVirtualMachine", "createSnapshot", "deleteVolume"])
def test_a_test_needs_every_command_of_its_plan_and_its_cleanup(tested: ProtectedVM, missing: str) -> None:
    cloud = healthy_cloud(tested)
    cloud.apis = cloud.apis - {missing}

    found = _named(_judge(tested, cloud, Purpose.TEST), "Permissions and Limits").finding

    assert found.errors == (f"The API key may not use {missing}",)


def test_only_the_newest_findings_of_a_vm_and_purpose_are_kept(vm: ProtectedVM) -> None:
    cloud = healthy_cloud(vm)
    _judge(vm, cloud)
    cloud.appliance = None
    # What VMs share is believed for a few seconds; then it is read again.
    _judge(vm, cloud, clock=SteadyClock(later_by=SHARED_SECONDS))

    rows = ValidationCheck.objects.filter(vm=vm, purpose=Purpose.LIVE)
    assert rows.count() == len(CHECKS)
    assert rows.get(check_name="Appliance").status == "fail"


def test_findings_that_cannot_be_kept_with_those_of_others_are_kept_by_themselves(vm: ProtectedVM) -> None:
    other = protected_vm(vm.appliance, vm_id="other", name="OTHER")
    mapped(other)
    cloud = healthy_cloud(vm, other)
    one, another = _judge(vm, cloud), _judge(other, cloud)
    ValidationCheck.objects.all().delete()

    keep_findings([one, another, one], now=datetime(2026, 1, 1, tzinfo=UTC))

    kept = ValidationCheck.objects.values_list("vm__vm_id", "check_name")
    assert sorted(kept) == sorted((each.vm_id, check.name) for each in (vm, other) for check in CHECKS)
