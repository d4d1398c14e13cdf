"""Make requests that nobody means: good ones of every route, bent in one to three places."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202e",
    "\ufffe",
    "é" * 300,
    "x" * 70_000,
    "'; DROP TABLE jobs_failoverjob; --",
    "%00",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "NaN",
    "null",
    "0",
    "-1",
    "1e999",
    "𝟙",
    "2h",
    "99999999h",
    "-5m",
    "http://169.254.169.254/latest",
    "\r\nX-Injected: 1",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    -0.0,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    1e308,
    [],
    {},
    [[]],
    [None] * 600,
    {"": ""},
    {"a": {"b": {"c": [1, {"d": None}]}}},
    {"\x00": 1},
    {"__proto__": {"x": 1}},
)
RAW_BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"{}" * 2,
    b'{"vm_id": NaN}',
    b'{"vm_id": Infinity}',
    b'{"vm_id": "a", "vm_id": "b"}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"a": "\xff"}',
    b"[" * 20_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"a": 1' + b"0" * 5000 + b"}",
    b'{"a": "' + b"x" * 300_000 + b'"}',
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "X" * 50)
CONTENT_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/json; charset=nonsense",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "application/xml",
    "",
    "/",
    "a" * 2000,
)
HEADERS: tuple[tuple[str, str], ...] = (
    ("HTTP_ACCEPT", "text/html"),
    ("HTTP_ACCEPT", "application/xml;q=x"),
    ("HTTP_ACCEPT", "*/*;q=9"),
    ("HTTP_ACCEPT", ","),
    ("HTTP_ACCEPT", "\xff"),
    ("HTTP_HOST", "evil.example"),
    ("HTTP_HOST", "127.0.0.1:99999"),
    ("HTTP_HOST", "[::1"),
    ("HTTP_X_REQUEST_ID", "\x7f" * 300),
    ("HTTP_X_REQUEST_ID", "fine-id_1"),
    ("HTTP_IDEMPOTENCY_KEY", ""),
    ("HTTP_IDEMPOTENCY_KEY", "key-1"),
    ("HTTP_IDEMPOTENCY_KEY", "k" * 300),
    ("HTTP_IDEMPOTENCY_KEY", "é\n"),
    ("HTTP_IF_NONE_MATCH", "*"),
    ("HTTP_IF_NONE_MATCH", 'W/"x", "'),
    ("HTTP_IF_MODIFIED_SINCE", "yesterday"),
    ("HTTP_RANGE", "bytes=0-1,2-3"),
    ("HTTP_X_HTTP_METHOD_OVERRIDE", "DELETE"),
    ("HTTP_X_FORWARDED_FOR", "1.2.3.4, , x"),
    ("HTTP_ACCEPT_LANGUAGE", "xx-" * 400),
    ("HTTP_COOKIE", "sessionid=\x00; csrftoken=;;="),
    ("HTTP_AUTHORIZATION", "Token"),
    ("HTTP_AUTHORIZATION", "Token \xff"),
    ("HTTP_AUTHORIZATION", "Basic Og=="),
    ("CONTENT_LENGTH", "-1"),
    ("CONTENT_LENGTH", "ten"),
)
QUERY_NAMES = ("limit", "offset", "cursor", "status", "type", "vm_id", "state", "created_after", "dry_run", "after")
QUERY_VALUES = (
    "",
    "0",
    "-1",
    "1001",
    "1e3",
    "x",
    "%00",
    "%ED%A0%80",
    "%FF",
    "\u0661",
    "9" * 400,
    "true",
    "a&a=b",
    "[]",
)


@dataclass(frozen=True)
class Sent:
    """One request as it is sent; a `body` of None is no body."""

    method: str
    path: str
    value: Any = None
    raw: bytes | None = None
    query: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """Give the bytes of the body."""
        if self.raw is not None:
            return self.raw
        return b"" if self.value is None else json.dumps(self.value).encode("utf-8", "surrogatepass")


def mutated(base: Sent, dice: random.Random) -> Sent:
    """Bend a request in one to three places."""
    sent = base
    for _ in range(dice.randint(1, 3)):
        sent = dice.choice(_WAYS)(sent, dice)
    return sent


def _value(sent: Sent, dice: random.Random) -> Sent:
    if sent.value is None:
        return _raw(sent, dice)
    value = copy.deepcopy(sent.value)
    places = list(_places(value))
    if not places:
        return replace(sent, value=_odd(dice))
    holder, key = dice.choice(places)
    what = dice.random()
    if what < 0.15 and isinstance(holder, dict):
        del holder[key]
    elif what < 0.25 and isinstance(holder, dict):
        holder[dice.choice(ODD_TEXTS)[:200]] = _odd(dice)
    elif what < 0.35 and isinstance(holder, list):
        holder.extend([holder[key]] * dice.choice((1, 600)))
    else:
        holder[key] = _odd(dice)
    return replace(sent, value=value)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found.append((value, key))
        found.extend(_places(value[key]))
    return found


def _odd(dice: random.Random) -> Any:
    return dice.choice(ODD_TEXTS) if dice.random() < 0.5 else copy.deepcopy(dice.choice(ODD_VALUES))


def _raw(sent: Sent, dice: random.Random) -> Sent:
    if dice.random() < 0.5:
        return replace(sent, raw=dice.choice(RAW_BODIES))
    body = bytearray(sent.body or b"{}")
    for _ in range(dice.randint(1, 4)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return replace(sent, raw=bytes(body))


def _method(sent: Sent, dice: random.Random) -> Sent:
    return replace(sent, method=dice.choice(METHODS))


def _path(sent: Sent, dice: random.Random) -> Sent:
    parts = sent.path.split("/")
    at = dice.randrange(3, len(parts))
    odd = dice.choice(ODD_TEXTS)[:1000]
    parts[at] = quote(odd.encode("utf-8", "surrogatepass"), safe="")
    return replace(sent, path="/".join(parts) + dice.choice(("", "", "/", "//")))


def _query(sent: Sent, dice: random.Random) -> Sent:
    pairs = [f"{dice.choice(QUERY_NAMES)}={dice.choice(QUERY_VALUES)}" for _ in range(dice.randint(1, 3))]
    return replace(sent, query="&".join([sent.query, *pairs] if sent.query else pairs))


def _header(sent: Sent, dice: random.Random) -> Sent:
    name, value = dice.choice(HEADERS)
    return replace(sent, headers={**sent.headers, name: value})


def _content_type(sent: Sent, dice: random.Random) -> Sent:
    return replace(sent, content_type=dice.choice(CONTENT_TYPES))


_WAYS: tuple[Callable[[Sent, random.Random], Sent], ...] = (
    _value,
    _value,
    _value,
    _value,
    _raw,
    _path,
    _query,
    _query,
    _method,
    _header,
    _content_type,
)
