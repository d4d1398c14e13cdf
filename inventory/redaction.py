"""This will take secrets out of log records before they are written anywhere, and keep records bounded and readable.

Two nets: fields whose name says that they hold a secret, and texts in which a secret stands in one of its usual forms
(headers, signed addresses, form fields, tokens of ours). Secrets that are known by value are taken out wherever they
stand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_LONGEST_TEXT = 8_000
_DEEPEST = 8
_MOST_ITEMS = 200

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|token|api_?-?key|session_?-?(key|id)|signature|authorization|cookie|credential"
    r"|private_?-?key|webhook|_sealed$",
    re.IGNORECASE,
)
# Each keeps what tells the reader which secret stood there.
_SECRET_TEXTS = (
    # Authorization: Token …, and the header's value alone.
    (re.compile(r"(?i)\b(authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?:\w{1,20}\s+)?[^\s\"',}]+"), r"\1" + REDACTED),
    (re.compile(r"(?i)\b((?:token|bearer|basic)\s+)[\w.~+/=-]{16,}"), r"\1" + REDACTED),
    # Tokens of this service, wherever they stand.
    (re.compile(r"\bfo_[A-Za-z0-9_-]{16,}"), REDACTED),
    # name=value of addresses and forms, "name": "value" of JSON and of Python's dictionaries. Bounded, and begun at
    # words only: a long text must not cost its length squared.
    (
        re.compile(
            r"(?i)(?<![\w-])([\w-]{0,40}?(?:pass(?:word|wd|phrase)|secret|token|api_?-?key|sessionkey|signature|credential)"
            r"[\w-]{0,40}[\"']?\s{0,3}(?:=|:\s?(?=[\"']))\s{0,3})(\"[^\"]*\"|'[^']*'|[^\s&\"',;)}\]]+)"
        ),
        r"\1" + REDACTED,
    ),
    # scheme://user:password@host
    (
        re.compile(r"\b([a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,200}:)[^\s/@]{1,500}@", re.IGNORECASE),
        r"\1" + REDACTED + "@",
    ),
    # Whoever knows a webhook's path may post to it.
    (re.compile(r"(?i)(https://hooks\.slack\.com/)[^\s\"']+"), r"\1" + REDACTED),
)


# One of these is in every text that a pattern changes, in any case: most texts hold none and are let through at once.
_SIGNS = ("authorization", "token", "bearer", "basic", "fo_", "pass", "secret", "key", "signature", "credential", "://")


@dataclass(frozen=True)
class Redactor:
    """This will be the log formatter's last processor but one; `known` are secrets by their value."""

    known: Sequence[str] = ()

    def __call__(self, logger: object, method: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Give the record without its secrets."""
        del logger, method
        return {str(name): self._field(str(name), value, depth=0) for name, value in event.items()}

    def cleaned(self, value: Any) -> Any:
        """Give any value, nested or not, without its secrets and in types that JSON has."""
        return self._cleaned(value, depth=0)

    def text(self, text: str) -> str:
        """Give a text without its secrets, in characters that every encoder takes, and not longer than is read."""
        for secret in self.known:
            if secret:
                text = text.replace(secret, REDACTED)
        # Only of ASCII can it be said by comparing letters that a pattern without regard to case finds nothing.
        if text.isascii() and len(text) <= _LONGEST_TEXT and not _has_sign(text.lower()):
            return text
        more = len(text) - _LONGEST_TEXT
        text = text[:_LONGEST_TEXT]
        for pattern, instead in _SECRET_TEXTS:
            text = pattern.sub(instead, text)
        if more > 0:
            text += f"… ({more} characters more)"
        # Half of a surrogate pair in one record would break every list that shows it.
        return text.encode("utf-8", "backslashreplace").decode()

    def _field(self, name: str, value: Any, *, depth: int) -> Any:
        if _names_a_secret(name) and value not in (None, "", False, True):
            return REDACTED
        return self._cleaned(value, depth=depth)

    def _cleaned(self, value: Any, *, depth: int) -> Any:
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if math.isfinite(value) else repr(value)
            case str():
                return self.text(value)
            case dict() if depth < _DEEPEST:
                items = list(value.items())[:_MOST_ITEMS]
                return {self.text(str(name)): self._field(str(name), inner, depth=depth + 1) for name, inner in items}
            case list() | tuple() if depth < _DEEPEST:
                return [self._cleaned(inner, depth=depth + 1) for inner in value[:_MOST_ITEMS]]
            case _:
                return self.text(repr(value))


def _has_sign(lowered: str) -> bool:
    return any(sign in lowered for sign in _SIGNS)


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None
