"""This will show what an import of an inventory document does to the rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inventory.models import Appliance, ProtectedVM, Replication, ReplicaVolume, TargetCloud, VMDisk
from inventory.services import ImportReport, import_inventory, upsert_vm
from tests.inventory import documents as doc

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 9, 1, tzinfo=UTC)


def take(document: object) -> ImportReport:
    return import_inventory(document=document, source="test", now=NOW, environ={})  # type: ignore[arg-type]


def reasons(report: ImportReport) -> list[str]:
    return [str(refusal) for refusal in report.refused]


def test_a_document_becomes_rows() -> None:
    report = take(doc.inventory())

    assert report.created == ["cloud north", "appliance oma1", "vm PGWINTESTBIOS (vm-1)"]
    vm = ProtectedVM.objects.get(vm_id="vm-1")
    assert [disk.replica.volume_id for disk in vm.disks.all()] == doc.VOLUMES[:2]
    assert [disk.replica.state for disk in vm.disks.all()] == ["good", "good"]
    assert vm.nics.get().mac == "00:50:56:ab:cd:00"
    assert vm.replications.get().finished_at == datetime(2025, 8, 18, 14, 35, 21, tzinfo=UTC)
    assert vm.appliance.cloud.api_key == "api-key-canary"


def test_a_second_import_of_the_same_changes_nothing() -> None:
    take(doc.inventory())
    before = list(TargetCloud.objects.values()) + list(VMDisk.objects.values()) + list(ReplicaVolume.objects.values())

    report = take(doc.inventory())

    assert (report.created, report.changed) == ([], [])
    assert len(report.unchanged) == 3
    after = list(TargetCloud.objects.values()) + list(VMDisk.objects.values()) + list(ReplicaVolume.objects.values())
    assert after == before


def test_what_differs_is_changed_and_reported() -> None:
    take(doc.inventory())

    document = doc.inventory(doc.vm(cpus=8, nics=[]))
    document["clouds"][0]["secret_key"] = "another"
    report = take(document)

    assert report.changed == ["cloud north", "vm PGWINTESTBIOS (vm-1)"]
    assert report.unchanged == ["appliance oma1"]
    vm = ProtectedVM.objects.get()
    assert (vm.cpus, vm.nics.count()) == (8, 0)
    assert TargetCloud.objects.get().secret_key == "another"


def test_one_refusal_keeps_everything_out() -> None:
    report = take(
        doc.inventory(doc.vm(), doc.vm(vm_id="vm-2", cloud="south", replications=[], disks=[doc.disk(0, replica=None)]))
    )

    assert reasons(report) == ["vms[1]: cloud: there is no cloud 'south'"]
    assert report.created == []
    assert not TargetCloud.objects.exists()
    assert not ProtectedVM.objects.exists()


def test_a_key_that_is_not_known_is_refused_with_the_one_that_was_meant() -> None:
    report = take(doc.inventory(doc.vm(guest_oss="x")))
    assert reasons(report) == ["vms[0]: guest_oss: unknown key: did you mean 'guest_os'?"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"cpus": "2"}, "vms[0]: cpus: must be a whole number from 1 to 1024, not a text"),
        ({"cpus": 0}, "vms[0]: cpus: must be a whole number from 1 to 1024"),
        ({"vm_id": 42}, "vms[0]: vm_id: must be 1 to 128 letters"),
        ({"vm_id": "a b"}, "vms[0]: vm_id: must be 1 to 128 letters"),
        ({"name": "nul\x00"}, "vms[0]: name: must be a text of 1 to 255 characters"),
        ({"name": "lone \ud800"}, "vms[0]: name: must be a text of 1 to 255 characters"),
        ({"firmware": "efi"}, "vms[0]: firmware: must be one of bios, uefi, not efi"),
        ({"secure_boot": True}, "vms[0]: secure_boot: needs firmware uefi"),
        ({"disks": []}, "vms[0]: disks: have no boot disk"),
        ({"disks": [doc.disk(1)]}, "vms[0]: disks: have no boot disk"),
        ({"disks": [doc.disk(0), doc.disk(0, replica=None)]}, "vms[0].disks[1]: position: stands in this document a"),
        ({"disks": [doc.disk(0, size_bytes=1.5)]}, "vms[0].disks[0]: size_bytes: must be a whole number"),
        ({"disks": [doc.disk(0), doc.disk(1, replica=doc.replica(0))]}, "vms[0].disks[1].replica: volume_id: stands"),
        ({"disks": [doc.disk(0, replica={"volume_id": "7"})]}, "vms[0].disks[0].replica: volume_id: must be a lower"),
        ({"disks": [doc.disk(0, replica=doc.replica(0, last_sync_at="2025-08-18T15:00:00"))]}, "must be a time with"),
        ({"disks": [doc.disk(0, replica=doc.replica(0, change_id="", state="good"))]}, "state: good needs a change_id"),
        ({"disks": [doc.disk(0, replica=doc.replica(0, state="handed_over"))]}, "state: must be one of good, unverif"),
        ({"nics": [doc.nic(mac="00:50:56:ab:cd")]}, "vms[0].nics[0]: mac: must be a MAC address"),
        ({"nics": [doc.nic(addresses=["10.0.0.256"])]}, "vms[0].nics[0].addresses[0]: must be an IP address"),
        ({"replications": [doc.run(status="replicating")]}, "finished_at: must be empty while the status is"),
        ({"replications": [doc.run(finished_at="2024-01-01T00:00:00Z")]}, "finished_at: is before started_at"),
        ({"replications": [doc.run(percentage=101)]}, "percentage: must be a number from 0 to 100"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, object], complaint: str) -> None:
    report = take(doc.inventory(doc.vm(**changes)))

    assert len(report.refused) == 1, reasons(report)
    assert complaint in reasons(report)[0]
    assert not ProtectedVM.objects.exists()


@pytest.mark.parametrize("document", [[], None, "text", {"vms": {}}, {"vms": [3]}, {"network_mappings": []}])
def test_a_document_of_another_shape_is_refused(document: object) -> None:
    assert take(document).refused


def test_a_missing_key_is_named() -> None:
    vm = doc.vm()
    del vm["firmware"]
    assert reasons(take(doc.inventory(vm))) == ["vms[0]: firmware: is missing"]


def test_a_volume_belongs_to_one_vm_only() -> None:
    take(doc.inventory())

    within = take(doc.inventory(doc.vm(), doc.vm(vm_id="vm-2", replications=[])))
    across = take(doc.inventory(doc.vm(vm_id="vm-3", replications=[])))

    assert "another VM of this document has this volume" in reasons(within)[0]
    assert "is the replica of another VM's disk already" in reasons(across)[0]
    assert ReplicaVolume.objects.count() == 2


def test_a_replication_belongs_to_one_vm_only() -> None:
    take(doc.inventory())
    report = upsert_vm(vm_id="vm-2", document=doc.vm(vm_id="vm-2", disks=[doc.disk(0, replica=None)]), now=NOW)
    assert reasons(report) == ["replications[0]: replication_id: is a replication of another VM already"]


def test_two_disks_may_exchange_their_replicas() -> None:
    take(doc.inventory())
    ReplicaVolume.objects.filter(volume_id=doc.VOLUMES[0]).update(state="unverified", state_since=NOW)

    exchanged = [doc.disk(0, replica=doc.replica(1)), doc.disk(1, replica=doc.replica(0))]
    report = upsert_vm(vm_id="vm-1", document=doc.vm(disks=exchanged), now=NOW)

    assert report.changed
    states = {disk.position: (disk.replica.volume_id, disk.replica.state) for disk in VMDisk.objects.all()}
    assert states == {0: (doc.VOLUMES[1], "good"), 1: (doc.VOLUMES[0], "unverified")}


def test_a_disk_with_a_replica_is_not_dropped_by_leaving_it_out() -> None:
    take(doc.inventory())

    report = upsert_vm(vm_id="vm-1", document=doc.vm(disks=[doc.disk(0)]), now=NOW)

    assert "disk 1 is gone but its replica" in reasons(report)[0]
    assert VMDisk.objects.count() == 2


def test_a_replica_is_dropped_when_the_document_says_so() -> None:
    take(doc.inventory())

    first = upsert_vm(vm_id="vm-1", document=doc.vm(disks=[doc.disk(0), doc.disk(1, replica=None)]), now=NOW)
    second = upsert_vm(vm_id="vm-1", document=doc.vm(disks=[doc.disk(0)]), now=NOW)

    assert first.changed
    assert second.changed
    assert [disk.position for disk in VMDisk.objects.all()] == [0]
    assert ReplicaVolume.objects.get().volume_id == doc.VOLUMES[0]


def test_a_disk_without_a_word_on_its_replica_keeps_it() -> None:
    take(doc.inventory())
    silent = doc.disk(0)
    del silent["replica"]

    report = upsert_vm(vm_id="vm-1", document=doc.vm(disks=[silent, doc.disk(1)]), now=NOW)

    assert report.unchanged == ["vm PGWINTESTBIOS (vm-1)"]
    assert ReplicaVolume.objects.count() == 2


def test_a_replica_that_was_never_synced_needs_a_full_sync_and_becomes_good_by_it() -> None:
    empty = doc.replica(0, change_id="", last_sync_at=None)
    take(doc.inventory(doc.vm(disks=[doc.disk(0, replica=empty)])))
    assert ReplicaVolume.objects.get().state == "needs_full_resync"

    upsert_vm(vm_id="vm-1", document=doc.vm(disks=[doc.disk(0)]), now=NOW)

    assert ReplicaVolume.objects.get().state == "good"


def test_replications_that_are_left_out_stay() -> None:
    take(doc.inventory())
    upsert_vm(vm_id="vm-1", document=doc.vm(replications=[doc.run(replication_id="next", kind="incremental")]), now=NOW)
    assert Replication.objects.count() == 2


def test_credentials_come_from_the_environment_or_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "key").write_text("from-file\n")
    document = doc.inventory()
    document["clouds"][0] |= {"api_key": {"env": "CLOUD_KEY"}, "secret_key": {"file": str(tmp_path / "key")}}

    import_inventory(document=document, source="test", environ={"CLOUD_KEY": "from-env"})

    cloud = TargetCloud.objects.get()
    assert (cloud.api_key, cloud.secret_key) == ("from-env", "from-file")


def test_a_credential_that_is_not_there_is_refused_by_its_name() -> None:
    document = doc.inventory()
    document["clouds"][0] |= {"api_key": {"env": "NOT_SET"}, "secret_key": {"file": "/nonexistent/key"}}
    assert reasons(take(document)) == [
        "clouds[0]: api_key: the environment variable NOT_SET is not set or empty",
        "clouds[0]: secret_key: cannot read the file /nonexistent/key",
    ]


def test_no_refusal_shows_a_credential() -> None:
    document = doc.inventory()
    document["clouds"][0] |= {"api_key": ["canary"], "secret_key": "canary" * 200, "endpoint": "ftp://canary@x"}
    assert take(document).refused
    assert "canary" not in " ".join(reasons(take(document)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hold_method": "hook"}, "hook_url: is missing"),
        ({"hold_method": "hook", "hook_url": "https://oma1/hook"}, "hook_secret: is missing"),
    ],
)
def test_a_hook_needs_its_address_and_its_secret(changes: dict[str, str], complaint: str) -> None:
    document = doc.inventory()
    document["appliances"][0] |= changes
    assert any(complaint in reason for reason in reasons(take(document)))


def test_a_hook_secret_is_kept_sealed() -> None:
    document = doc.inventory()
    document["appliances"][0] |= {"hold_method": "hook", "hook_url": "https://oma1/hook", "hook_secret": "canary"}

    assert not take(document).refused

    row = Appliance.objects.get()
    assert row.hook_secret == "canary"
    assert "canary" not in row.hook_secret_sealed


@pytest.mark.parametrize("endpoint", ["ftp://x/client/api", "cloud.example.net", "https://u:p@x/api", "http://[x"])
def test_an_endpoint_is_a_plain_http_address(endpoint: str) -> None:
    document = doc.inventory()
    document["clouds"][0]["endpoint"] = endpoint
    assert "clouds[0]: endpoint: must be the http(s) address" in reasons(take(document))[0]
