"""This will compare answers with the contract's examples: the same keys, types and nesting; more keys are allowed."""

from __future__ import annotations

from typing import Any


def missing_from(answer: Any, example: Any, *, at: str = "") -> list[str]:
    """Say what of the example the answer lacks; lists are compared element by element with the example's first."""
    if isinstance(example, dict):
        if not isinstance(answer, dict):
            return [f"{at} is no object"]
        found = []
        for name, inner in example.items():
            found += missing_from(answer[name], inner, at=f"{at}.{name}") if name in answer else [f"{at}.{name}"]
        return found
    if isinstance(example, list):
        if not isinstance(answer, list):
            return [f"{at} is no list"]
        return [text for item in answer for text in (missing_from(item, example[0], at=f"{at}[]") if example else [])]
    return [] if type(answer) is type(example) else [f"{at} is {type(answer).__name__}"]
