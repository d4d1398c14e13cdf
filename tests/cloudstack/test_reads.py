"""Show what reads make of CloudStack's answers, good and bad."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudstack import AsyncJob, CloudRefusedRead, CloudUnreachable, Gateway, NoAnswer, NothingSent
from cloudstack.listing import READ_TRIES
from tests.cloudstack.scripted_cloud import (
    JOB,
    NETWORK,
    OTHER_VOLUME,
    VM,
    VOLUME,
    ZONE,
    Parameters,
    Reply,
    ScriptedCloud,
    always,
    answer,
    does_not_exist,
    error,
)

GONE = "eeeeeeee-0000-4000-8000-00000000dead"
RESET = NoAnswer("the connection broke: Connection reset by peer", repeatable=True)


def volume(id: str = VOLUME, **more: object) -> dict[str, object]:
    """Return a volume as CloudStack writes it."""
    return {"id": id, "name": "replica", "state": "Ready", "type": "DATADISK", **more}


def cloud_of(*volumes: dict[str, object]) -> ScriptedCloud:
    """Return a cloud that knows these volumes and, like CloudStack, refuses `ids` that never existed."""
    known = {str(one["id"]): one for one in volumes}

    def script(asked: Parameters) -> Reply:
        ids = asked["ids"].split(",")
        unknown = [id for id in ids if id not in known]
        if unknown:
            return does_not_exist("listVolumes", "ids", asked["ids"])
        return answer("listVolumes", count=len(ids), volume=[known[id] for id in ids])

    return ScriptedCloud(script)


def test_a_volume_that_never_existed_is_none() -> None:
    assert cloud_of().gateway().volume(GONE) is None


def test_a_volume_that_was_removed_is_none() -> None:
    assert always(answer("listVolumes")).gateway().volume(VOLUME) is None


def test_an_id_that_never_existed_does_not_hide_the_others() -> None:
    gateway = cloud_of(volume(VOLUME), volume(OTHER_VOLUME)).gateway()

    found = gateway.volumes([OTHER_VOLUME, GONE, VOLUME])

    assert [one.id for one in found] == [OTHER_VOLUME, VOLUME]


def test_no_ids_need_no_call() -> None:
    cloud = cloud_of()

    assert cloud.gateway().volumes([]) == ()
    assert cloud.asked == []


def test_a_cloud_that_ignores_the_filter_does_not_pass_off_another_volume() -> None:
    gateway = always(answer("listVolumes", count=1, volume=[volume(OTHER_VOLUME, virtualmachineid=GONE)])).gateway()

    assert gateway.volume(VOLUME) is None
    assert gateway.volumes_of(VM) == ()
    assert gateway.volumes_named("other") == ()


def test_names_are_found_in_any_case_as_cloudstack_compares_them() -> None:
    gateway = always(answer("listVolumes", count=1, volume=[volume(name="Replica")])).gateway()

    assert [one.name for one in gateway.volumes_named("rePLica")] == ["Replica"]


def test_a_vm_that_is_not_there_holds_no_volume() -> None:
    assert always(does_not_exist("listVolumes", "virtualmachineid", VM)).gateway().volumes_of(VM) == ()


def test_snapshots_of_a_volume_that_is_not_there_are_not_said_to_be_none() -> None:
    with pytest.raises(CloudRefusedRead):
        always(does_not_exist("listSnapshots", "volumeid", VOLUME)).gateway().snapshots_of(VOLUME)


@pytest.mark.parametrize(
    "read",
    [
        lambda gateway: gateway.zone(ZONE),
        lambda gateway: gateway.network(NETWORK),
        lambda gateway: gateway.service_offering(VM),
        lambda gateway: gateway.template(VM),
    ],
)
def test_other_things_that_do_not_exist_are_none(read: Callable[[Gateway], object]) -> None:
    cloud = ScriptedCloud(lambda asked: does_not_exist(asked["command"], "id", asked["id"]))

    assert read(cloud.gateway()) is None


def test_another_refusal_with_431_is_no_proof_of_absence() -> None:
    with pytest.raises(CloudRefusedRead, match="illegal"):
        always(error("listVolumes", 431, "illegal value")).gateway().volume(VOLUME)


def test_a_long_list_is_read_to_its_end() -> None:
    everything = [volume(f"bbbbbbbb-0000-4000-8000-{number:012d}") for number in range(1203)]
    cloud = ScriptedCloud(lambda asked: _page(asked, everything))

    found = cloud.gateway().volumes_named("replica")

    assert [one.id for one in found] == [one["id"] for one in everything]
    assert [asked["page"] for asked in cloud.asked] == ["1", "2", "3"]


def test_a_cloud_with_smaller_pages_is_read_in_its_pages() -> None:
    everything = [volume(f"bbbbbbbb-0000-4000-8000-{number:012d}") for number in range(45)]

    def script(asked: Parameters) -> Reply:
        if int(asked["pagesize"]) > 20:
            return error("listVolumes", 431, "Page size can't exceed max allowed page size value: 20")
        return _page(asked, everything)

    assert len(ScriptedCloud(script).gateway().volumes_named("replica")) == 45


def test_what_a_moving_list_shows_twice_is_given_once() -> None:
    pages = {"1": [volume(VOLUME)], "2": [volume(VOLUME), volume(OTHER_VOLUME)]}
    cloud = ScriptedCloud(lambda asked: answer("listVolumes", count=3, volume=pages[asked["page"]]))

    assert [one.id for one in cloud.gateway().volumes_named("replica")] == [VOLUME, OTHER_VOLUME]


def test_a_list_without_end_is_given_up() -> None:
    cloud = always(answer("listVolumes", count=10**9, volume=[volume()]))

    with pytest.raises(CloudUnreachable, match="did not end"):
        cloud.gateway().volumes_named("replica")


@pytest.mark.parametrize("failures", range(READ_TRIES))
def test_a_read_is_repeated_where_the_connection_broke(failures: int) -> None:
    replies: list[Reply | Exception] = [*[RESET] * failures, answer("listVolumes", count=1, volume=[volume()])]
    cloud = ScriptedCloud(lambda _asked: replies.pop(0))

    assert cloud.gateway().volume(VOLUME) is not None
    assert len(cloud.asked) == failures + 1


def test_a_read_is_given_up_after_three_tries() -> None:
    cloud = always(RESET)

    with pytest.raises(CloudUnreachable, match="listVolumes: the connection broke"):
        cloud.gateway().volume(VOLUME)

    assert len(cloud.asked) == 3


@pytest.mark.parametrize(
    "reply",
    [
        NoAnswer("no answer within 10 s", repeatable=False),
        NothingSent("no connection within 10 s", repeatable=False),
        error("listVolumes", 530),
        error("listVolumes", 503),
        Reply(502, b"<html>"),
        Reply(200, b"<html>"),
        answer("listVolumes", count=1, volume={}),
        answer("listVolumes", count=1, volume=[5]),
        answer("listVolumes", count=1, volume=[{"id": VOLUME}]),
        answer("listVolumes", count=1, volume=[volume(deviceid="first")]),
        answer("listVolumes", count=1, volume=[volume(size=True)]),
        answer("listVolumes", count=2),
        answer("listVolumes", snapshot=[]),
        answer("listSnapshots"),
        error("listVolumes", 431, status=200),
    ],
    ids=lambda reply: repr(reply)[:70],
)
def test_an_answer_that_is_of_no_use_is_no_answer_and_is_not_asked_for_again(reply: Reply | Exception) -> None:
    cloud = always(reply)

    with pytest.raises(CloudUnreachable) as raised:
        cloud.gateway().volume(VOLUME)

    assert raised.value.error.command == "listVolumes"
    assert len(cloud.asked) == 1


@pytest.mark.parametrize("code", [401, 429, 431, 432, 531])
def test_a_refused_read_says_why(code: int) -> None:
    with pytest.raises(CloudRefusedRead) as raised:
        always(error("listVolumes", code, "because")).gateway().volume(VOLUME)

    assert raised.value.error.error_code == code
    assert raised.value.error.text == "because"


def test_fields_that_nobody_knows_are_ignored_and_text_that_no_database_takes_is_cleaned() -> None:
    body = b'{"listvolumesresponse":{"count":1,"volume":[{"id":"%s","name":"a\\u0000b\\ud800","state":"Ready",' % (
        VOLUME.encode()
    )
    cloud = always(Reply(200, body + b'"type":"ROOT","invented":{"deep":[1]}}]}}'))

    found = cloud.gateway().volume(VOLUME)

    assert found is not None
    assert found.name == "ab?"


def test_a_job_that_cloudstack_never_had_is_none() -> None:
    assert always(does_not_exist("queryAsyncJobResult", "jobid", JOB)).gateway().async_job(JOB) is None


def test_the_job_of_another_account_is_a_refusal_and_not_an_absence() -> None:
    with pytest.raises(CloudRefusedRead):
        always(error("queryAsyncJobResult", 531, "not authorized")).gateway().async_job(JOB)


def test_a_failed_job_says_with_which_code() -> None:
    job = _job(jobstatus=2, jobresultcode=431, jobresult={"errorcode": 431, "errortext": "not attached"})

    assert (job.status, job.error_code, job.error_text) == ("failed", 431, "not attached")


def test_a_job_ended_by_a_restart_has_a_code_and_no_result() -> None:
    job = _job(jobstatus=2, jobresultcode=530)

    assert (job.status, job.error_code, job.error_text, dict(job.result)) == ("failed", 530, None, {})


def test_a_job_cancelled_for_blocking_others_has_no_code_at_all() -> None:
    job = _job(jobstatus=2, jobresultcode=0)

    assert (job.status, job.error_code) == ("failed", None)


def test_only_the_outer_status_of_a_job_counts() -> None:
    job = _job(jobstatus=1, jobresultcode=0, jobresult={"volume": {"id": VOLUME, "jobstatus": 0}})

    assert (job.status, job.error_code, job.result_entity_id) == ("succeeded", None, VOLUME)


def test_the_nameless_result_of_an_expunged_vm_is_read() -> None:
    job = _job(jobstatus=1, jobresultcode=0, jobresult={"null": {"id": VM}})

    assert job.result_entity_id == VM


def test_a_job_without_a_status_is_no_answer() -> None:
    with pytest.raises(CloudUnreachable, match="jobstatus"):
        always(answer("queryAsyncJobResult", jobid=JOB)).gateway().async_job(JOB)


def test_unfinished_jobs_are_listed_by_id() -> None:
    listed = answer("listAsyncJobs", count=2, asyncjobs=[{"jobid": JOB, "jobstatus": 0}, {"jobid": VM, "jobstatus": 0}])

    assert always(listed).gateway().unfinished_async_jobs() == {JOB, VM}
    assert always(answer("listAsyncJobs")).gateway().unfinished_async_jobs() == frozenset()


def test_an_os_type_is_found_by_its_whole_description_only() -> None:
    types = [{"id": VM, "description": "Debian 12 (64-bit) minimal"}, {"id": VOLUME, "description": "Debian 12"}]
    gateway = always(answer("listOsTypes", count=2, ostype=types)).gateway()

    found = gateway.os_type_named("Debian 12")

    assert found is not None
    assert found.id == VOLUME
    assert gateway.os_type_named("Debian") is None


def test_the_nics_of_a_vm_come_in_device_order_with_lower_case_macs() -> None:
    nics = [
        {"id": VOLUME, "networkid": NETWORK, "deviceid": "1", "macaddress": "02:00:AA:BB:CC:DD"},
        {"id": VM, "networkid": ZONE, "deviceid": "0", "isdefault": True},
    ]
    machine = {"id": VM, "name": "vm", "state": "Running", "nic": nics}
    found = always(answer("listVirtualMachines", count=1, virtualmachine=[machine])).gateway().virtual_machine(VM)

    assert found is not None
    assert [(nic.network_id, nic.mac, nic.is_default) for nic in found.nics] == [
        (ZONE, None, True),
        (NETWORK, "02:00:aa:bb:cc:dd", False),
    ]


def _page(asked: Parameters, everything: list[dict[str, object]]) -> Reply:
    size = int(asked["pagesize"])
    start = (int(asked["page"]) - 1) * size
    return answer("listVolumes", count=len(everything), volume=everything[start : start + size])


def _job(**fields: object) -> AsyncJob:
    job = always(answer("queryAsyncJobResult", jobid=JOB, **fields)).gateway().async_job(JOB)
    assert job is not None
    return job
