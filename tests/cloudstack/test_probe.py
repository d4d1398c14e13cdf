"""Show what is found out about a cloud before anything depends on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudstack import LIVE_PLAN_APIS, CloudUnreachable, Probe, probe
from tests.cloudstack.scripted_cloud import JOB, VM, Parameters, Reply, ScriptedCloud, answer, error

UNTAGGED = "99999999-2222-4333-8444-555555555555"
CAPABILITY = {"cloudstackversion": "4.22.0.0", "kvmsnapshotenabled": False, "allowuserexpungerecovervm": True}


def cloud_where(tagging: Callable[[Parameters], Reply], *, apis: frozenset[str] = LIVE_PLAN_APIS) -> ScriptedCloud:
    """Return a cloud that answers tags so."""
    answers: dict[str, Callable[[Parameters], Reply]] = {
        "listCapabilities": lambda _asked: answer("listCapabilities", capability=CAPABILITY),
        "listApis": lambda _asked: answer("listApis", count=len(apis), api=[{"name": name} for name in sorted(apis)]),
        "createTags": tagging,
        "deleteTags": lambda asked: answer("deleteTags", jobid=asked["customjobid"]),
    }
    return ScriptedCloud(lambda asked: answers[asked["command"]](asked))


def probed(cloud: ScriptedCloud) -> Probe:
    """Probe the cloud with ids that are known."""
    ids = [UNTAGGED, JOB]
    return probe(cloud.gateway(), appliance_vm_id=VM, new_id=ids.pop)


def test_a_cloud_that_keeps_our_job_ids_is_known_by_a_tag_that_is_taken_off_again() -> None:
    cloud = cloud_where(lambda asked: answer("createTags", jobid=asked["customjobid"]))

    found = probed(cloud)

    assert found.job_id_honoured
    assert found.doubt is None
    assert [asked["command"] for asked in cloud.asked] == ["listCapabilities", "listApis", "createTags", "deleteTags"]
    assert {asked["resourceids"] for asked in cloud.asked if "Tags" in asked["command"]} == {VM}


def test_a_cloud_that_ignores_our_job_ids_is_told_apart() -> None:
    found = probed(cloud_where(lambda _asked: answer("createTags", jobid=VM)))

    assert not found.job_id_honoured
    assert found.doubt is not None
    assert "does not keep job ids" in found.doubt


def test_a_tag_that_is_refused_leaves_the_question_open() -> None:
    found = probed(cloud_where(lambda _asked: error("createTags", 432, "not available")))

    assert not found.job_id_honoured
    assert found.doubt is not None
    assert "not available" in found.doubt


def test_version_settings_and_missing_apis_are_told() -> None:
    cloud = cloud_where(
        lambda asked: answer("createTags", jobid=asked["customjobid"]), apis=LIVE_PLAN_APIS - {"attachVolume"}
    )

    found = probed(cloud)

    assert found.version == "4.22.0.0"
    assert found.clock_skew == 0.0
    assert found.missing_apis == {"attachVolume"}
    assert not found.capabilities.kvm_snapshots_of_running_vms
    assert found.capabilities.expunge_allowed
    assert not found.capabilities.volume_expunge_allowed


def test_a_cloud_that_can_not_be_read_is_not_probed() -> None:
    cloud = ScriptedCloud(lambda _asked: Reply(502, b"<html>"))

    with pytest.raises(CloudUnreachable):
        probed(cloud)

    assert len(cloud.asked) == 1
