"""This will prove that every example of the contract holds: what it sends is taken, what it shows is answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.comparing import differences
from tests.contract.document import Example, contract
from tests.contract.rows import ROWS
from tests.contract.worlds import Worlds

EXAMPLES = {example.name: example for example in contract().examples}


@pytest.fixture
def worlds(db: None) -> Iterator[Worlds]:
    """Give whoever makes the worlds."""
    with ExitStack() as stack:
        yield Worlds(stack)


def test_every_example_has_a_row_and_every_row_an_example() -> None:
    assert len(EXAMPLES) == len(contract().examples), "two examples have one name"
    assert sorted(ROWS) == sorted(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_example_holds(worlds: Worlds, example: Example) -> None:
    row = ROWS[example.name]

    answer = row.call(worlds)

    body = answer.json()
    assert answer.status_code == row.status, body
    if not row.sends:
        found = {difference.partition(":")[0]: difference for difference in differences(example.value, body)}
        assert [told for path, told in found.items() if path not in row.differs] == [], body
        assert set(found) == set(row.differs), "the row excuses what does hold"


def test_the_comparison_sees_what_is_missing_of_another_type_or_of_another_value() -> None:
    example = {"a": 1, "b": {"c": [{"d": "x"}]}, "e": None, "at": "2025-08-18T16:15:08+01:00", "f": 1.5}

    assert list(differences(example, {**example, "more": 1, "f": 2, "at": "2026-01-01T00:00:00+00:00"})) == [
        ".f: 1.5 is promised, not 2"
    ]
    wrongs: tuple[dict[str, Any], ...] = (
        {"a": "1"},
        {"a": True},
        {"b": {"c": []}},
        {"b": {"c": [{"d": "y"}]}},
        {"e": "x"},
        {"at": "2025-08-18T16:15:08"},
        {"f": "1.5"},
    )
    for wrong in wrongs:
        assert len(list(differences(example, example | wrong))) == 1, wrong
    assert list(differences(example, {})) == [f".{key}: missing" for key in example]
