"""This will read request bodies and query strings within limits, so that nothing unstorable gets past the door.

Without it a NUL, a lone surrogate or very deep JSON in a request answers 500, and a stored lone surrogate breaks every
later list (measured).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_QUERY_BYTES = 8 * 1024
_INT64 = range(-(2**63), 2**63)


class BodyTooLarge(APIException):
    """This will say that a body is over the limit."""

    status_code = 413
    default_detail = "The body is larger than 256 KiB."
    default_code = "REQUEST_TOO_LARGE"


class LimitedJSONParser(BaseParser):
    """This will parse JSON; raises ParseError with the reason, or BodyTooLarge."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the body as JSON."""
        del media_type, parser_context
        raw: bytes = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
        return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """Give what the JSON says; raises ParseError."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise ParseError("The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise ParseError(f"The body is not valid JSON: {error}.") from error
    _check_limits(value)
    return value


def check_query(raw: str) -> None:
    """Raise ParseError for a query string that is too long, not UTF-8, holds a NUL, or says a thing twice."""
    if len(raw) > MAX_QUERY_BYTES:
        raise ParseError(f"The query string is longer than {MAX_QUERY_BYTES} bytes.")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=100)
    except UnicodeDecodeError as error:
        raise ParseError("The query string is not valid UTF-8.") from error
    except ValueError as error:
        raise ParseError("The query string has too many fields.") from error
    seen: set[str] = set()
    for name, value in pairs:
        _check_text(name)
        _check_text(value)
        if name in seen:
            raise ParseError("The query string says a parameter twice.")
        seen.add(name)


def check_path(path: str) -> None:
    """Raise ParseError for a path that holds a NUL or was not UTF-8: Django leaves such bytes in it as %FF."""
    _check_text(path)
    try:
        unquote_to_bytes(path).decode("utf-8")
    except UnicodeError as error:
        raise ParseError("The path is not valid UTF-8.") from error


def check_length(declared: str) -> None:
    """Raise BodyTooLarge before a byte of the body is read, and ParseError for a length that is none."""
    if declared and not (declared.isascii() and declared.isdigit()):
        raise ParseError("Content-Length is not a number.")
    # By its digits: a number of thousands of them is not worth being worked out.
    if len(declared) > 12 or int(declared or 0) > MAX_BODY_BYTES:
        raise BodyTooLarge


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ParseError(f"The JSON says the key {name[:80]!r} twice.")
        found[name] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise ParseError(f"The JSON holds {name}, which JSON does not know.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ParseError("The JSON holds a number that is too large.")
    return number


def _check_limits(value: Any) -> None:
    # A stack of our own: the depth of what is checked must not become the depth of the checker.
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH and isinstance(item, dict | list):
            raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        match item:
            case str():
                _check_text(item)
            case dict():
                for name in item:
                    _check_text(name)
                waiting.extend((inner, depth + 1) for inner in item.values())
            case list():
                waiting.extend((inner, depth + 1) for inner in item)
            case bool():
                continue
            case int() if item not in _INT64:
                raise ParseError("The JSON holds a whole number of more than 64 bits.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("A text holds a NUL character.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("A text holds half of a surrogate pair.")
