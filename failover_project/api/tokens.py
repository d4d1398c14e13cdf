"""This will make API tokens and recognise them again."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from failover_project.api.models import ApiToken, RoleName

PREFIX = "fo_"
_SECRET_BYTES = 32
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


def create_token(*, name: str, role: RoleName, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """Make a token; the second value is its text, which is shown once and kept nowhere."""
    text = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    token = ApiToken.objects.create(name=name, role=role, secret_hash=_hash(text), expires_at=expires_at)
    return token, text


def valid_token(text: str, *, now: datetime) -> ApiToken | None:
    """Give the token of this text when it is neither expired nor revoked, and note that it was used."""
    alive = ApiToken.objects.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))
    token = alive.filter(secret_hash=_hash(text)).first()
    if token is not None:
        _note_use(token, now=now)
    return token


def revoke_tokens(*, tokens: QuerySet[ApiToken], now: datetime) -> int:
    """Revoke the tokens that are not revoked yet and say how many; they are refused from the next request on."""
    return tokens.filter(revoked_at=None).update(revoked_at=now)


def _note_use(token: ApiToken, *, now: datetime) -> None:
    # At most once a minute: a poller must not turn every read into a write.
    if token.last_used_at is None or now - token.last_used_at >= _USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _hash(text: str) -> str:
    # The secret has 256 random bits: there is nothing to guess that a slow hash would protect.
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
