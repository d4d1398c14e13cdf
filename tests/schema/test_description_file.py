"""The description that is kept in the repository, and its examples, are what the code says now."""

from __future__ import annotations

import io
import json
from functools import cache

import pytest
import yaml
from django.core.management import call_command

from failover_project.api import field_meanings
from failover_project.api.examples import FILE
from tests.house.tree import ROOT
from tests.schema.examples import from_the_contract

KEPT = ROOT / "docs" / "api" / "openapi.yaml"


@cache
def _written_now() -> str:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


@pytest.mark.slow
def test_the_kept_description_is_what_the_code_says() -> None:
    assert _written_now().strip() == KEPT.read_text(encoding="utf-8").strip(), (
        "run: manage.py spectacular --validate --fail-on-warn --file docs/api/openapi.yaml"
    )


def test_the_examples_are_those_of_the_contract() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == from_the_contract(), "run: python -m tests.schema.examples"


def test_every_endpoint_of_the_contract_shows_its_examples() -> None:
    described = _written_now()

    for example in from_the_contract():
        assert f"{example['path']}:" in described
    assert "live-failover-4205a841-0265-f4bd-39a6-39fd92196f53-1755530108" in described


@pytest.mark.slow
def test_every_field_is_described_and_no_meaning_is_without_a_field() -> None:
    fields = field_meanings.fields_of(yaml.safe_load(KEPT.read_text(encoding="utf-8")))
    meanings = yaml.safe_load(field_meanings.FILE.read_text(encoding="utf-8"))
    names = {name for schema, field, _ in fields for name in (f"{schema.removesuffix('Request')}.{field}", field)}

    assert [f"{schema}.{field}" for schema, field, described in fields if not described.get("description")] == []
    assert sorted(set(meanings) - names) == []
