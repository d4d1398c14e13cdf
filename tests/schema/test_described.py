"""The API is as it describes itself, for every role: statuses, bodies, headers, and what it refuses."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cloudstack_simulator.server import SimulatorServer
from failover_project.api.models import RoleName
from failover_project.api.tokens import create_token
from failover_project.wsgi import application
from inventory.models import TargetCloud
from tests.support.described import description as api_description
from tests.support.first_everywhere import first_everywhere
from tests.support.inventory_of import ScenarioInventory
from tests.support.scenes import map_networks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# What the schema's language cannot say, so that a request can fit the schema and be refused with 400 all the same.
BEYOND_THE_SCHEMA = {
    "GET /api/v1/failover/jobs": "cursor and offset exclude each other; include bounds limit; a moment has a range",
    "POST /api/v1/failover/bulk": "test_duration stands with each VM or with all",
    "POST /api/v1/failover/live": "after_rollback_window wants a rollback_window",
    "POST /api/v1/failover/test": "a test from older snapshots takes no other strategy",
    "PUT /api/v1/inventory/vms/{vm_id}": "names of clouds and appliances, and rules between fields",
}
# A mistake in one of many VMs refuses that VM only: the answer to the whole is 200.
REFUSED_ONE_BY_ONE = frozenset({"POST /api/v1/failover/bulk"})
# What the lesser roles may not do reaches no statement that is not the greatest role's too.
ROLES = first_everywhere(sorted(RoleName, key=lambda role: role != RoleName.ADMIN))
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
schemathesis.openapi.format("go-duration", st.sampled_from(["1m", "30m", "2h", "4h30m", "90m"]))
schemathesis.openapi.format("cursor", st.just(""))
DOSE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture
def description(inventory: ScenarioInventory, cloud: SimulatorServer) -> Any:
    """Give the API's description, with a world behind it in which things can be found and started."""
    map_networks(cloud.simulator, inventory)
    TargetCloud.objects.update(customjobid_honoured=True, expunge_allowed=True, clock_skew_seconds=0.0)
    described = schemathesis.openapi.from_dict(api_description())
    described.app, described.location = application, "/api/v1/schema"
    # Neither NUL nor lone surrogates are taken anywhere (docs/errors.md); no schema can say that of the names of keys.
    described.config.generation.update(allow_x00=False, codec="utf-8")
    # Too large is a refusal as well.
    refusals = described.config.checks.negative_data_rejection
    refusals.expected_statuses = [*refusals.expected_statuses, "413"]
    return described


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_as_described(description: Any, role: RoleName, mode: GenerationMode) -> None:
    _, token = create_token(name="described", role=role)
    failures = []
    for found in description.get_all_operations():
        told = _broken(found.ok(), mode=mode, headers={"Authorization": f"Token {token}"})
        if told:
            failures.append(told)
    assert not failures, "\n".join(failures)


def _broken(operation: Any, *, mode: GenerationMode, headers: dict[str, str]) -> str:
    """Say what the operation's answers break of its description, nothing when all is well."""
    last: list[str] = []
    known = {parameter.name for parameter in operation.query}

    @DOSE
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        # A filter that is left empty counts as not given, as the forms of a browser send it.
        assume("" not in (case.query or {}).values())
        # Parameters that nobody knows are taken, as clients of the predecessor expect; that alone is no violation.
        assume(mode == GenerationMode.POSITIVE or set(case.query or {}) <= known)
        answer = case.call(headers=headers)
        last[:] = [f"{case.method} {case.formatted_path} {case.query} {case.body!r}"[:1500], answer.text[:700]]
        case.validate_response(
            answer,
            headers=headers,
            transport_kwargs={"headers": headers},
            excluded_checks=_not_asked_of(operation.label, case.body),
        )

    try:
        hold()
    except FailureGroup as group:
        words = "; ".join(f"{type(one).__name__}: {one}" for one in group.exceptions)
        return f"{operation.label}: {words}\nSENT {last[0]}\nGOT {last[1]}"
    except Unsatisfiable:
        # There is nothing to send that would be wrong.
        assert mode == GenerationMode.NEGATIVE
    return ""


def _not_asked_of(label: str, body: Any) -> list[Any]:
    is_beyond = label in BEYOND_THE_SCHEMA or _holds_a_number_of_more_than_64_bits(body)
    excluded = [positive_data_acceptance] if is_beyond else []
    return [*excluded, negative_data_rejection] if label in REFUSED_ONE_BY_ONE else excluded


def _holds_a_number_of_more_than_64_bits(value: Any) -> bool:
    """Say whether it is refused for that, in fields too of which the description says nothing (docs/errors.md)."""
    if isinstance(value, dict):
        return any(map(_holds_a_number_of_more_than_64_bits, value.values()))
    if isinstance(value, list):
        return any(map(_holds_a_number_of_more_than_64_bits, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


@pytest.mark.parametrize("role", ROLES)
def test_what_a_start_links_to_is_as_described(description: Any, role: RoleName) -> None:
    _, token = create_token(name="linked", role=role)
    headers = {"Authorization": f"Token {token}"}
    description.config.generation.update(modes=[GenerationMode.POSITIVE])
    answered: Counter[str] = Counter()

    class Journey(description.as_state_machine()):  # type: ignore[misc]
        """Start failovers where the role may, and do with their jobs what the answers link to."""

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": headers}

        def validate_response(self, response: Any, case: Any, additional_checks: Any = (), **_: Any) -> None:
            answered[f"{case.operation.label} {response.status_code}"] += 1
            case.validate_response(
                response,
                headers=headers,
                transport_kwargs={"headers": headers},
                excluded_checks=_not_asked_of(case.operation.label, case.body),
            )

    run_state_machine_as_test(
        Journey, settings=settings(DOSE, max_examples=EXAMPLES * 2, stateful_step_count=8, phases=(Phase.generate,))
    )

    assert answered
