"""This will seal credentials before they reach the database and open them again.

AES-256-GCM; the associated data is table, row uuid and field, so that a sealed value copied to another row or column
does not open. A sealed value is `KEY-ID:BASE64(nonce ‖ ciphertext)`; the key id names the key without revealing it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import uuid
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
NONCE_BYTES = 12
SHORTEST_KEY_TEXT = 32


class SecretUnreadable(Exception):
    """This will be raised when a sealed value does not open: another key, another row, or a damaged value."""


def seal(text: str, *, table: str, row: uuid.UUID, field: str) -> str:
    """This will seal `text` for one field of one row; the empty text stays empty."""
    if not text:
        return ""
    key = field_key()
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, text.encode(), _associated(table, row, field))
    return f"{key_id(key)}:{base64.b64encode(nonce + ciphertext).decode()}"


def unseal(sealed: str, *, table: str, row: uuid.UUID, field: str) -> str:
    """This will open what `seal` made for the same field of the same row, or raise SecretUnreadable."""
    if not sealed:
        return ""
    key = field_key()
    sealed_with, _, body = sealed.partition(":")
    place = f"{table}.{field} of row {row}"
    if sealed_with != key_id(key):
        raise SecretUnreadable(
            f"{place} was sealed with key {sealed_with}, but FIELD_KEY is key {key_id(key)}: "
            "set FIELD_KEY to the key it was sealed with, or enter the credential again."
        )
    try:
        raw = base64.b64decode(body, validate=True)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(table, row, field)).decode()
    except (binascii.Error, ValueError, InvalidTag) as broken:
        raise SecretUnreadable(
            f"{place} is damaged or was copied from elsewhere: enter the credential again."
        ) from broken


def field_key() -> bytes:
    """This will derive the key from the setting FIELD_KEY, or raise ImproperlyConfigured when that is too short."""
    text = str(settings.FIELD_KEY)
    if len(text) < SHORTEST_KEY_TEXT:
        raise ImproperlyConfigured(
            f"FIELD_KEY has {len(text)} characters: it must be a random text of {SHORTEST_KEY_TEXT} or more."
        )
    return _derived(text)


def key_id(key: bytes) -> str:
    """This will name a key by the first eight hex digits of a hash of it."""
    return hashlib.sha256(b"field-key:" + key).hexdigest()[:8]


@lru_cache(maxsize=4)
def _derived(text: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"inventory field key").derive(text.encode())


def _associated(table: str, row: uuid.UUID, field: str) -> bytes:
    return f"{table}\n{row}\n{field}".encode()
