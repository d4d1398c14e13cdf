"""This will prove that the rules for alerts speak of what a real scrape holds; each has its section and its test.

That they fire when they should is tested by `promtool test rules docs/deploy/alerts-test.yml`, where there is one.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from cloudstack_simulator import Fault
from failover_project.api.models import RoleName
from inventory.models import TargetCloud
from inventory.tallies.counting import TALLIES
from jobs.verification.periodic import look_when_due
from tests.api.conftest import caller_of
from tests.api.test_metrics import Figures, scraped
from tests.api.test_probes import engines_run
from tests.house.tree import ROOT, document
from tests.support.scenes import scene

RULES = ROOT / "docs" / "deploy" / "alerts.yml"
TESTS = ROOT / "docs" / "deploy" / "alerts-test.yml"
_SELECTOR = re.compile(r"\b(failover_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)(=~|=)"([^"]*)"')


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def found(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Figures:
    """Scrape a service that has seen a failover, a lost answer and a question: once, and let no row of it stay."""
    del django_db_setup
    with django_db_blocker.unblock(), transaction.atomic():
        figures = _seen()
        transaction.set_rollback(True)
    TALLIES._counts.clear()
    return figures


def _seen() -> Figures:
    TALLIES._counts.clear()
    engines_run(timezone.now())
    stage = scene()
    stage.simulator.faults.add(Fault("deployVirtualMachine", "lost_answer"))
    stage.service.start_live("vm-one")
    stage.service.run()
    stage.simulator.faults.add(Fault("createSnapshot", "hang"))
    stage.service.start_live("vm-two")
    stage.service.run()
    TALLIES.flush()
    look_when_due(gateways=stage.service.gateway, clock=stage.service.clock, every_seconds=1.0)
    assert TargetCloud.objects.filter(clock_skew_seconds__isnull=False).exists()
    return scraped(caller_of(RoleName.VIEWER))


@pytest.mark.slow
@pytest.mark.django_db
def test_every_metric_label_and_value_of_the_rules_is_in_a_real_scrape(found: Figures) -> None:
    for rule in rules():
        selectors = _SELECTOR.findall(rule["expr"])
        assert selectors, rule["alert"]
        for name, matchers in selectors:
            labels = [dict(pairs) for known, pairs in found if known == name]
            assert labels, f"{rule['alert']}: nothing is called {name}"
            for label, _, values in _MATCHER.findall(matchers):
                shown = {of.get(label) for of in labels}
                unknown = set(values.split("|")) - shown
                # Not every way in which a call fails was made to happen.
                assert unknown <= {"unusable_answer"}, f"{rule['alert']}: {label} of {name} is never {unknown}"


@pytest.mark.slow
@pytest.mark.django_db
def test_every_label_that_a_rule_groups_by_or_tells_is_in_a_real_scrape(found: Figures) -> None:
    for rule in rules():
        names = {name for name, _ in _SELECTOR.findall(rule["expr"])}
        has = {label for name, pairs in found if name in names for label, _ in pairs}
        grouped = re.findall(r"by \(([a-z_]+)\)", rule["expr"])
        told = re.findall(r"\$labels\.([a-z_]+)", rule["annotations"]["summary"])
        assert {*grouped, *told} <= has, rule["alert"]


@pytest.mark.slow
@pytest.mark.django_db
def test_every_metric_is_in_the_table_for_those_who_look_after_the_service(found: Figures) -> None:
    told = set(re.findall(r"^\| `(failover_[a-z_]+)` \|", document("docs/observability.md"), re.MULTILINE))
    shown = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name, _ in found}

    assert shown == told


def test_every_alert_has_its_section_in_the_runbook_and_says_where() -> None:
    sections = re.findall(r"^### (Failover\w+)$", document("docs/runbook.md"), re.MULTILINE)
    alerts = [rule["alert"] for rule in rules()]

    assert sections == alerts and len(set(alerts)) == len(alerts)
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_the_runbook_says_how_urgent_each_alert_is() -> None:
    words = dict(re.findall(r"^### (Failover\w+)\n\n\*(Page|Ticket)\.\*", document("docs/runbook.md"), re.MULTILINE))

    assert words == {rule["alert"]: rule["labels"]["severity"].capitalize() for rule in rules()}


def test_every_alert_is_tested_to_fire_and_to_be_silent() -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    silent = {one["alertname"] for test in tests for one in test.get("alert_rule_test", [])}
    firing = {
        name
        for test in tests
        for one in test.get("promql_expr_test", [])
        for name in re.findall(r'alertname="(\w+)"', one["expr"])
    }

    assert silent == firing == {rule["alert"] for rule in rules()}
