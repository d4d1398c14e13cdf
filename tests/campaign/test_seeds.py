"""This will show that every seeded bug still has its place in the code: `make seeded-bugs` sows and catches them."""

from __future__ import annotations

import pytest

from tests.campaign.seeded import BUGS, Bug
from tests.house.tree import ROOT


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_seeded_bug_has_one_place_in_the_code(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text().count(bug.old) == 1
    assert all((ROOT / name).exists() for name in bug.tests)


def test_there_are_at_least_thirty_seeded_bugs_of_different_names() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 30
