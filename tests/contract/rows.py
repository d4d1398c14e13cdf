"""One row for every example of the contract: how it is sent, or how the answer to compare it with is got.

An example without a row fails the test. What in an example cannot hold is in the row's `differs`, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from inventory.models import ProtectedVM, TargetCloud, VMNic
from jobs.models import FailoverJob
from tests.contract.worlds import VM_ID, Call, Place, Worlds

LIVE = "POST /api/v1/failover/live"
TEST = "POST /api/v1/failover/test"
CLEANUP = "DELETE /api/v1/failover/test/{job_id}"
STATUS = "GET /api/v1/failover/{job_id}/status"
READINESS = "GET /api/v1/failover/{vm_id}/readiness"
JOBS = "GET /api/v1/failover/jobs"
MAPPINGS = "/api/v1/network-mappings"
VMS = "GET /api/v1/vms/{vm_id}"


@dataclass(frozen=True)
class Row:
    """How an example is held to: the answer it is compared with, or the request that it is sent as.

    `status` is the HTTP status that the answer must have. `differs` names, by path, what is not compared, and why.
    """

    call: Call
    status: int = 200
    sends: bool = False
    differs: Mapping[str, str] = field(default_factory=dict)


def _start_live(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    return _sent(place, f"{LIVE} | Request Body")


def _start_while_replicating(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    place.replicate()
    return place.send(f"{LIVE} | Request Body")


def _start_test(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=True)
    return _sent(place, f"{TEST} | Request Body")


def _start_without_running_snapshots(worlds: Worlds) -> Any:
    place = worlds.served("no-running-snapshots")
    place.map_networks(is_test=True)
    TargetCloud.objects.update(test_strategy="clone")
    return place.send(f"{TEST} | Request Body")


def _clean_up(worlds: Worlds) -> Any:
    place = worlds.driven()
    job = place.test_in_its_window()
    return place.caller.delete(f"/api/v1/failover/test/{job.job_id}")


def _clean_up_again_after_failure(worlds: Worlds) -> Any:
    place = worlds.driven()
    job = place.ended_test()
    # As a test looks whose undo left nothing.
    FailoverJob.objects.filter(pk=job.pk).update(status="failed", outcome="failed")
    return place.caller.delete(f"/api/v1/failover/test/{job.job_id}")


def _status_in_window(worlds: Worlds) -> Any:
    place = worlds.driven()
    return place.get(f"/failover/{place.test_in_its_window().job_id}/status")


def _ready(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    return place.get(f"/failover/{VM_ID}/readiness")


def _not_ready(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    place.replicate()
    VMNic.objects.create(
        vm=place.vm, position=1, mac="00:50:56:85:a8:42", network_name="Legacy Network", adapter="e1000e"
    )
    return place.get(f"/failover/{VM_ID}/readiness")


def _list_jobs(worlds: Worlds) -> Any:
    place = worlds.driven()
    place.ended_test()
    return _sent(place, f"{JOBS} | Example Request")


def _sync_status(worlds: Worlds) -> Any:
    return worlds.served().get(f"/vms/{VM_ID}/sync-status")


def _network_status(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    place.map_networks(is_test=True)
    return place.get(f"/vms/{VM_ID}/network-mapping-status")


def _volume_status(worlds: Worlds) -> Any:
    return worlds.served().get(f"/vms/{VM_ID}/volume-status")


def _active_jobs(worlds: Worlds) -> Any:
    return worlds.served().get(f"/vms/{VM_ID}/active-jobs")


def _create_mapping(worlds: Worlds) -> Any:
    return _sent(worlds.served(), f"POST {MAPPINGS} | Request Body")


def _list_mappings(worlds: Worlds) -> Any:
    place = worlds.served()
    place.send(f"POST {MAPPINGS} | Request Body")
    return place.get(f"/network-mappings/{VM_ID}")


def _healthy(worlds: Worlds) -> Any:
    place = worlds.served()
    place.run_engines()
    return place.get("/debug/health")


def _refused(worlds: Worlds) -> Any:
    place = worlds.served()
    place.map_networks(is_test=False)
    ProtectedVM.objects.filter(pk=place.vm.pk).update(cpus=10_000)
    return place.send(f"{LIVE} | Request Body")


def _sent(place: Place, example: str) -> Any:
    answer = place.send(example)
    assert place.sent == {example}
    return answer


_OF_ALL = "the score weighs every check; the example shows one of them, and does not say how many passed"
_SCORE = {".readiness_score": _OF_ALL, ".validation_result.readiness_score": _OF_ALL}
_PLACEHOLDERS = {
    ".message": "a placeholder: the table of error codes gives each its message",
    ".error": "a placeholder: it says what is wrong",
}

ROWS: Mapping[str, Row] = MappingProxyType(
    {
        f"{LIVE} | Request Body": Row(_start_live, sends=True),
        f"{LIVE} | Response (Success)": Row(_start_live),
        f"{LIVE} | Response (Error)": Row(_start_while_replicating, status=409),
        f"{TEST} | Request Body": Row(_start_test, sends=True),
        f"{TEST} | Response (Success)": Row(_start_test),
        f"{TEST} | Current Known Issue": Row(_start_without_running_snapshots, status=409),
        f"{CLEANUP} | Response (Success)": Row(_clean_up),
        f"{CLEANUP} | Response (Error)": Row(_clean_up_again_after_failure, status=409),
        f"{STATUS} | Response (Success)": Row(_status_in_window),
        f"{READINESS} | Response (Success)": Row(_ready),
        f"{READINESS} | Response (Validation Failed)": Row(_not_ready, differs=_SCORE),
        f"{JOBS} | Example Request": Row(_list_jobs, sends=True),
        f"{JOBS} | Response (Success)": Row(_list_jobs),
        f"{VMS}/sync-status | Response": Row(_sync_status),
        f"{VMS}/network-mapping-status | Response": Row(_network_status),
        f"{VMS}/volume-status | Response": Row(_volume_status),
        f"{VMS}/active-jobs | Response": Row(_active_jobs),
        f"POST {MAPPINGS} | Request Body": Row(_create_mapping, sends=True),
        f"POST {MAPPINGS} | Response": Row(_create_mapping),
        f"GET {MAPPINGS}/{{vm_id}} | Response": Row(_list_mappings),
        "GET /api/v1/debug/health | Response": Row(_healthy),
        "Standard Error Response Format": Row(_refused, status=409, differs=_PLACEHOLDERS),
    }
)
