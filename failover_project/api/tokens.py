"""This will make API tokens and recognise them again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from audit.recording import COMMAND_LINE, record_event
from database.statements import Prepared
from failover_project.api.models import ApiToken, RoleName

PREFIX = "fo_"
_SECRET_BYTES = 32
_USE_IS_NOTED_EVERY = timedelta(minutes=1)
# Every request of a script asks for its token.
_BY_HASH = Prepared(
    lambda secret_hash: ApiToken.objects.filter(secret_hash=secret_hash).order_by(), texts=frozenset({"secret_hash"})
)


def create_token(
    *, name: str, role: RoleName, expires_at: datetime | None = None, actor: str = COMMAND_LINE
) -> tuple[ApiToken, str]:
    """Make a token; the second value is its text, which is shown once and kept nowhere."""
    text = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        token = ApiToken.objects.create(name=name, role=role, secret_hash=_hash(text), expires_at=expires_at)
        fields = {"role": role, "expires_at": expires_at}
        record_event("token_made", actor=actor, subject=f"token:{name}", words="A token was made.", fields=fields)
    return token, text


def valid_token(text: str, *, now: datetime) -> ApiToken | None:
    """Give the token of this text when it is neither expired nor revoked, and note that it was used."""
    wanted = _hash(text)
    token = _BY_HASH.row(secret_hash=wanted)
    # What the index compares is a hash, of which nothing can be guessed bit by bit; the last word is in constant time.
    if token is None or not hmac.compare_digest(token.secret_hash, wanted) or state_of(token, now=now) != "valid":
        return None
    _note_use(token, now=now)
    return token


def revoke_tokens(*, tokens: QuerySet[ApiToken], now: datetime, actor: str = COMMAND_LINE) -> int:
    """Revoke the tokens that are not revoked yet and say how many; they are refused from the next request on."""
    with transaction.atomic():
        names = list(tokens.filter(revoked_at=None).values_list("name", flat=True))
        count = ApiToken.objects.filter(name__in=names, revoked_at=None).update(revoked_at=now)
        for name in names:
            record_event("token_revoked", actor=actor, subject=f"token:{name}", words="A token was revoked.", at=now)
    return count


def state_of(token: ApiToken, *, now: datetime) -> str:
    """Say in a word whether the token is let in."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "valid"


def _note_use(token: ApiToken, *, now: datetime) -> None:
    # At most once a minute: a poller must not turn every read into a write.
    if token.last_used_at is None or now - token.last_used_at >= _USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk, last_used_at=token.last_used_at).update(last_used_at=now)


def _hash(text: str) -> str:
    # The secret has 256 random bits: there is nothing to guess that a slow hash would protect.
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
