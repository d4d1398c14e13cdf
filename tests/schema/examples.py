"""Copy the examples of the API's contract to where the API's description finds them: `python -m tests.schema.examples`.

The description must not need the documents: they are not part of an installation.
"""

from __future__ import annotations

import json
from typing import Any

from failover_project.api.examples import FILE
from tests.contract.document import Example, contract

_ANSWERS_WITH = {"Response": 200, "Response (Success)": 200, "Response (Validation Failed)": 200}
_REFUSES_WITH = {"Response (Error)": 409, "Current Known Issue": 409}


def from_the_contract() -> list[dict[str, Any]]:
    """Give every JSON example of an endpoint: where it belongs, and what it holds."""
    found = [_placed(example) for example in contract().examples if isinstance(example.value, dict)]
    return [example for example in found if example is not None]


def _placed(example: Example) -> dict[str, Any] | None:
    if not example.path.startswith("/api/"):
        return None
    status = _ANSWERS_WITH.get(example.label) or _REFUSES_WITH.get(example.label)
    if status is None and example.label != "Request Body":
        return None
    return {
        "method": example.method.lower(),
        "path": example.path,
        "status": status,
        "name": example.label,
        "value": example.value,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(from_the_contract(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
