"""This will hold the simulated cloud to what a real CloudStack answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudstack_simulator.conformance.__main__ import main
from cloudstack_simulator.conformance.comparing import Names, compare

RECORDINGS = Path(__file__).parent.parent / "recordings"


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDINGS.glob("*.jsonl")))
def test_at_least_95_of_100_recorded_answers_are_given_alike(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([name, "--recordings", str(RECORDINGS)])

    assert status == 0, capsys.readouterr().out


def test_the_live_sequence_is_answered_alike_throughout(capsys: pytest.CaptureFixture[str]) -> None:
    main(["02", "--recordings", str(RECORDINGS)])

    assert "126 of 126 alike" in capsys.readouterr().out


def test_ids_are_mapped_at_their_first_appearance_and_must_stay_together() -> None:
    names = Names()
    one, two = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

    assert compare({"id": one}, {"id": two}, names) == []
    assert compare({"id": one}, {"id": two}, names) == []
    assert [str(row) for row in compare({"id": one}, {"id": one}, names)] != []


def test_a_state_a_key_and_a_text_that_differ_are_told() -> None:
    recorded = {"state": "Ready", "deviceid": 1, "errortext": "no such volume", "created": "then"}
    simulated = {"state": "Attaching", "errortext": "no such thing", "created": "now"}

    places = {row.where for row in compare(recorded, simulated, Names())}

    assert places == {"state", "deviceid", "errortext"}


def test_a_recording_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert main(["--recordings", str(tmp_path)]) == 2
