"""List one good request of every route and method, for the world of the simulator's scenario `small`."""

from __future__ import annotations

from typing import Any

from tests.schema.mutating import Sent

API = "/api/v1"


def good_requests(
    *, vm_id: str, job_id: str, live_job_id: str, network_id: str, inventory: dict[str, Any]
) -> list[Sent]:
    """Give them; the ids are of things that are there."""
    start = {
        "vm_id": vm_id,
        "vm_name": "a name",
        "skip_validation": False,
        "network_mappings": {"VM Network": network_id},
        "custom_config": {"cpu_overcommit": 1.5, "memory_overcommit": 1.2, "colour": "blue"},
        "notification_config": {"email": "admin@company.com", "slack_webhook": "https://hooks.slack.com/x"},
        "reason": "a drill",
        "priority": "high",
        "context_id": "ctx-1",
    }
    test = {**start, "test_duration": "2h", "auto_cleanup": True, "custom_config": {"test_strategy": "clone"}}
    mapping = {
        "vm_id": vm_id,
        "source_network_name": "VM Network",
        "destination_network_id": network_id,
        "destination_network_name": "Production Network",
        "is_test_network": False,
    }
    changing = [
        Sent("POST", f"{API}/failover/live", start),
        Sent("POST", f"{API}/failover/live", start, query="dry_run=true"),
        Sent("POST", f"{API}/failover/test", test),
        Sent("POST", f"{API}/failover/bulk", {"type": "test", "vms": [start, {"vm_id": "x"}], "test_duration": "30m"}),
        Sent("POST", f"{API}/failover/{job_id}/cancel", {"reason": "wrong VM"}),
        Sent("POST", f"{API}/failover/{job_id}/answer", {"question_id": 1, "choice": "retry", "reason": "seen"}),
        Sent("DELETE", f"{API}/failover/test/{job_id}", query="reason=over"),
        Sent("DELETE", f"{API}/failover/test/{job_id}", query="reason=over&force=true"),
        Sent("POST", f"{API}/failover/{job_id}/extend", {"duration": "30m", "reason": "one more look"}),
        Sent("POST", f"{API}/failover/{live_job_id}/rollback", {"confirm_vm_name": "three", "reason": "bad data"}),
        Sent("POST", f"{API}/failover/{live_job_id}/rollback", {}, query="dry_run=true"),
        Sent("POST", f"{API}/failover/{live_job_id}/commit", {"reason": "accepted"}),
        Sent("POST", f"{API}/failover/{job_id}/retry", {"reason": "the storage is back"}),
        Sent("POST", f"{API}/failover/{job_id}/retry", {}, query="dry_run=true"),
        Sent("POST", f"{API}/failover/{job_id}/cancel", {}, query="dry_run=true"),
        Sent("POST", f"{API}/debug/database", {"reason": "compared and dealt with"}),
        Sent("POST", f"{API}/network-mappings", mapping),
        Sent("PUT", f"{API}/network-mappings/{vm_id}", {"mappings": [mapping]}),
        Sent("DELETE", f"{API}/network-mappings/{vm_id}"),
        Sent("DELETE", f"{API}/network-mappings/{vm_id}/VM%20Network"),
        Sent("PUT", f"{API}/inventory/vms/{vm_id}", inventory),
    ]
    return changing + [Sent("GET", path) for path in readable(vm_id=vm_id, job_id=job_id)]


def readable(*, vm_id: str, job_id: str) -> list[str]:
    """Give the path of everything that can be read: each must always be rendered."""
    of_vm = ("failover-readiness", "sync-status", "network-mapping-status", "volume-status", "active-jobs")
    return [
        f"{API}/failover/jobs",
        *(f"{API}/failover/{job_id}/{what}" for what in ("status", "steps", "events")),
        f"{API}/failover/{vm_id}/readiness",
        *(f"{API}/vms/{vm_id}/{what}" for what in (*of_vm, "configuration-check")),
        f"{API}/network-mappings",
        f"{API}/network-mappings/{vm_id}",
        f"{API}/inventory/vms",
        f"{API}/inventory/vms/{vm_id}",
        *(f"{API}/debug/{what}" for what in ("health", "endpoints", "logs", "failover-jobs", "database")),
        f"{API}/schema",
    ]
