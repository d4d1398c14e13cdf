"""This will speak CloudStack's signed protocol: signatures, envelopes, filters, pages, roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulator.driving import REPLICA, Operator


def test_a_signed_call_is_answered_with_the_clouds_date() -> None:
    operator = Operator()

    answer = operator.cloud.handle(operator.signed("listVolumes", id=REPLICA))

    assert answer.status == 200
    assert answer.json()["listvolumesresponse"]["count"] == 1
    assert answer.headers["Date"] == "Thu, 09 Oct 2025 08:53:20 GMT"
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_value_with_tilde_star_space_and_umlaut_is_signed_as_java_does() -> None:
    operator = Operator()

    assert operator.cloud.handle(operator.signed("listVirtualMachines", name="a~b *é+%")).status == 200


@pytest.mark.parametrize(
    "call",
    [
        lambda operator: operator.signed("listZones", secret="wrong"),
        lambda operator: operator.signed("listZones", expires_in=-1.0),
        lambda operator: operator.signed("listzones"),
        lambda operator: "command=listZones&response=json",
        lambda operator: operator.signed("listZones").replace("demo-ops-api-key", "someone-elses"),
    ],
    ids=["wrong secret", "expired", "command in another case", "unsigned", "unknown key"],
)
def test_what_cannot_be_verified_is_401_with_one_text(call: object) -> None:
    operator = Operator()

    answer = operator.cloud.handle(call(operator))  # type: ignore[operator]

    assert answer.status == 401
    error = next(iter(answer.json().values()))
    assert error["errortext"] == "unable to verify user credentials and/or request signature"


def test_a_call_that_waited_too_long_on_its_way_is_refused() -> None:
    operator = Operator()
    body = operator.signed("detachVolume", expires_in=30.0, id=REPLICA)

    operator.clock.advance(31.0)

    assert operator.cloud.handle(body).status == 401
    assert operator.cloud.calls.commands() == []


def test_an_empty_list_has_neither_count_nor_key() -> None:
    assert Operator().ask("listVirtualMachines", name="nobody") == {}


def test_ids_leaves_out_what_was_removed_and_refuses_what_never_was() -> None:
    operator = Operator()
    vm_id = operator.done("deployVirtualMachine", **operator.deployment("gone"))
    operator.done("destroyVirtualMachine", id=vm_id, expunge=True)

    assert operator.ask("listVirtualMachines", ids=vm_id) == {}
    assert operator.ask("listVirtualMachines", ids="5279b830-e4f8-45e3-95b2-51ca126f58b9")["errorcode"] == 431


def test_names_match_exactly_but_in_any_case_and_keywords_in_part() -> None:
    operator = Operator()

    assert operator.ask("listVolumes", name="REPLICA-one-disk-0")["count"] == 1
    assert operator.ask("listVolumes", name="replica") == {}
    assert operator.ask("listVolumes", keyword="replica")["count"] == 6


def test_pages_need_both_parameters_and_at_most_500_rows() -> None:
    operator = Operator()

    page = operator.ask("listVolumes", page=2, pagesize=4)

    assert (page["count"], len(page["volume"])) == (7, 3)
    assert operator.ask("listVolumes", page=9, pagesize=4) == {"count": 7}
    for wrong in ({"page": 1}, {"pagesize": 4}, {"page": 1, "pagesize": 501}):
        assert operator.ask("listVolumes", **wrong)["errorcode"] == 431


def test_unknown_parameters_are_ignored_and_missing_ones_named() -> None:
    operator = Operator()

    assert operator.cloud.call("listZones", nosuchparameter=1).status == 200
    assert operator.ask("attachVolume")["errortext"] == (
        "Unable to execute API command attachvolume due to missing parameter id"
    )


def test_an_ordinary_account_lacks_the_administrators_commands() -> None:
    operator = Operator()

    assert operator.cloud.call("updateVolume", id=REPLICA, deleteprotection=True).status == 432
    assert "updateVolume" not in {row["name"] for row in operator.ask("listApis")["api"]}


def test_customjobid_is_shown_by_no_command() -> None:
    shown = Operator().ask("listApis", name="deployVirtualMachine")["api"][0]["params"]

    assert "networkids" in {row["name"] for row in shown}
    assert "customjobid" not in {row["name"] for row in shown}


def test_tags_are_added_once_found_and_taken_off() -> None:
    operator = Operator()
    tag = {"resourcetype": "Volume", "resourceids": REPLICA, "tags": [{"key": "job", "value": "j1"}]}
    operator.done("createTags", **tag)

    again = operator.run("createTags", **tag)
    found = operator.ask("listVolumes", tags=[{"key": "job", "value": "j1"}])
    operator.done("deleteTags", **tag)

    assert again.text == f"tag job already on Volume with id {REPLICA}"
    assert [row["id"] for row in found["volume"]] == [REPLICA]
    assert operator.ask("listTags", resourcetype="Volume") == {}


def test_calls_are_remembered_by_command_and_the_changing_ones_in_full() -> None:
    operator = Operator()
    operator.ask("listZones")
    operator.submit("detachVolume", id=REPLICA, customjobid="11111111-2222-4333-8444-555555555555")

    assert operator.cloud.calls.commands() == ["listZones", "detachVolume"]
    (call,) = operator.cloud.calls.mutating()
    assert (call.command, call.params["id"], call.customjobid) == (
        "detachVolume",
        REPLICA,
        "11111111-2222-4333-8444-555555555555",
    )
    assert operator.cloud.calls.count("listZones") == 1


def test_a_get_may_change_nothing_where_the_setting_demands_posts() -> None:
    operator = Operator()
    catalogue = operator.cloud.cloud.catalogue
    operator.cloud.cloud.catalogue = replace(catalogue, settings=replace(catalogue.settings, enforce_post=True))
    body = operator.signed("detachVolume", id=REPLICA)

    assert operator.cloud.handle(body, method="GET").status == 400
    assert operator.cloud.handle(body, method="POST").status == 200
