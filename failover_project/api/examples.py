"""This will add examples to the API's description: the contract's own, recorded ones, and one of every error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from failover_project.api.error_codes import ERROR_CODES, ErrorCode

# Written by `python -m tests.schema.examples` from the contract.
FILE = Path(__file__).with_name("examples.json")
# Of what the contract does not show: recorded from the service by tests/schema/test_recorded_examples.py.
RECORDED = Path(__file__).with_name("recorded_examples.json")
# As the contract's own example of an error says them.
_WHEN = {"timestamp": "2025-08-18T16:45:30+01:00", "request_id": "req-12345-67890"}


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Put every example where it belongs."""
    del generator, request, public
    for example in [*json.loads(FILE.read_text(encoding="utf-8")), *recorded()]:
        operation = result.get("paths", {}).get(example["path"], {}).get(example["method"])
        if operation is not None:
            _put(operation, example)
    result.setdefault("components", {})["examples"] = {
        code.code: {"value": _error(code)} for code in ERROR_CODES.values()
    }
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict):
                _add_errors(operation)
    return result


def recorded() -> list[dict[str, Any]]:
    """Give the recorded examples: method, path, status (None for a request), name and value of each."""
    journeys: dict[str, list[dict[str, Any]]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return [example for examples in journeys.values() for example in examples]


def _put(operation: dict[str, Any], example: dict[str, Any]) -> None:
    place = operation["requestBody"] if example["status"] is None else operation["responses"][str(example["status"])]
    content = place.setdefault("content", {}).setdefault("application/json", {})
    content.setdefault("examples", {})[example["name"]] = {"value": example["value"]}


def _add_errors(operation: dict[str, Any]) -> None:
    for status, answer in operation.get("responses", {}).items():
        content = answer.get("content", {}).get("application/json")
        if content is None or not status.isdigit() or int(status) < 400:
            continue
        # Each operation gets its own: the contract's examples of one must not appear at others.
        content = answer["content"]["application/json"] = {**content, "examples": {**content.get("examples", {})}}
        for code in ERROR_CODES.values():
            if code.status == int(status):
                content["examples"].setdefault(code.code, {"$ref": f"#/components/examples/{code.code}"})


def _error(code: ErrorCode) -> dict[str, Any]:
    return {
        "success": False,
        "message": code.message,
        "error": code.meaning,
        "error_code": code.code,
        **_WHEN,
        "required_actions": list(code.required_actions),
    }
