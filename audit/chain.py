"""This will compute the keyed hashes of events and seals; the key never reaches the database."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from audit.models import AuditEvent

# What stands before the first seal.
START = "0" * 64


def mac_of(event: AuditEvent) -> str:
    """Give the keyed hash of everything that the event says."""
    said = [
        str(event.uuid),
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.kind,
        event.actor,
        event.subject,
        event.words,
        event.fields,
        event.request_id,
    ]
    return _keyed("event", json.dumps(said))


def hash_of(*, position: int, before: str, mac: str) -> str:
    """Give the keyed hash of one seal; `before` is the hash of the seal at the position before."""
    return _keyed("seal", json.dumps([position, before, mac]))


def same(one: str, other: str) -> bool:
    """Compare two hashes."""
    return hmac.compare_digest(one, other)


def key_id() -> str:
    """Name the key by eight hex digits of a hash of it."""
    return hashlib.sha256(b"audit-key:" + _key()).hexdigest()[:8]


def _keyed(purpose: str, text: str) -> str:
    return hmac.new(_key(), f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def _key() -> bytes:
    return _derived(str(settings.FIELD_KEY))


@lru_cache(maxsize=4)
def _derived(text: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"audit chain").derive(text.encode())
