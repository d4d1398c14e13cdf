"""This will judge the settings that are in force, and show them without their secrets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from failover_project.api.authentication import is_loopback
from failover_project.environment import Reading
from inventory.redaction import REDACTED, Redactor
from notifications.addresses import AddressNotAllowed, listed_origin, slack_address

BROKERS = ("memory", "redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps")
SHORTEST_SECRET = 32
SHORTEST_PASSWORD = 12
# What stands in examples is known to everybody.
_PLACEHOLDERS = re.compile(r"change.?me|secret|password|example|insecure|placeholder|^(.)\1*$", re.IGNORECASE)
_HOST = re.compile(r"\*|\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_PASSWORD_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^/@]*?):[^/]*@", re.IGNORECASE)
_POSITIVE = (
    "WORKER_THREADS",
    "WEB_PROCESSES",
    "WEB_THREADS",
    "MIN_TEST_SECONDS",
    "REPLICATION_HEARTBEAT_SECONDS",
    "CLOUD_CALLS_AT_ONCE",
)
_NOT_NEGATIVE = (
    "STARTS_PER_MINUTE",
    "READS_PER_MINUTE",
    "FAILED_LOGINS_PER_MINUTE",
    "RECENT_LOG_MB",
    "SECURE_HSTS_SECONDS",
    "VERIFY_WORLD_SECONDS",
    "CLOUD_CALLS_PER_SECOND",
)


@dataclass(frozen=True)
class Judgement:
    """This will say what is wrong with a setting; nonsense must not start, all else is worth a thought."""

    setting: str
    sentence: str
    is_nonsense: bool = True


def shown(reading: Reading) -> str:
    """Give the setting's value for people: a secret as its length, an address without its password."""
    if reading.is_secret:
        return f"{REDACTED} ({len(reading.value)} characters)"
    # By position, and not by form: a password may hold any sign but a slash.
    masked = _PASSWORD_IN_URL.sub(rf"\g<scheme>\g<user>:{REDACTED}@", reading.value)
    return str(Redactor()(None, "", {"text": masked})["text"])


def judgements(settings: Any, readings: Iterable[Reading], strangers: Iterable[str]) -> list[Judgement]:
    """Judge everything; none is left out because of another."""
    kept = tuple(readings)
    return [
        *_numbers(settings),
        *_addresses(settings),
        *_receivers(settings),
        *_secrets(kept),
        *_doors(settings),
        *flower_judgements(settings),
        *_https(settings),
        *_parts(settings),
        *_misspelt({reading.name for reading in kept}, strangers),
    ]


def _numbers(settings: Any) -> Iterator[Judgement]:
    for name in _POSITIVE:
        if getattr(settings, name) < 1:
            yield Judgement(name, "must be at least 1.")
    for name in _NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            yield Judgement(name, "must not be negative.")
    for name in ("BIND_PORT", "FLOWER_PORT", "EMAIL_PORT"):
        if not 0 < getattr(settings, name) < 65536:
            yield Judgement(name, "must be a port, 1 to 65535.")
    if settings.MIN_TEST_SECONDS > settings.MAX_TEST_SECONDS:
        yield Judgement("MAX_TEST_SECONDS", "is less than MIN_TEST_SECONDS: no test could be started.")


def _addresses(settings: Any) -> Iterator[Judgement]:
    if urlsplit(settings.BROKER_URL).scheme not in BROKERS:
        known = ", ".join(f"{name}://" for name in (*BROKERS, "valkey"))
        yield Judgement("BROKER_URL", f"must begin with one of {known}.")
    if settings.CACHE_URL and urlsplit(settings.CACHE_URL).scheme not in {"redis", "rediss", "unix"}:
        yield Judgement("CACHE_URL", "must be the address of a Redis or Valkey: redis://, rediss:// or unix://.")
    for host in settings.ALLOWED_HOSTS:
        if not _HOST.fullmatch(host):
            yield Judgement("ALLOWED_HOSTS", f"{host!r} is no name of a host; neither scheme nor port belongs there.")
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if urlsplit(origin).scheme not in {"http", "https"} or not urlsplit(origin).netloc:
            yield Judgement("CSRF_TRUSTED_ORIGINS", f"{origin!r} must begin with https:// (or http://).")


def _receivers(settings: Any) -> Iterator[Judgement]:
    for name in ("SLACK_HOSTS", "WEBHOOK_HOSTS"):
        for entry in getattr(settings, name):
            try:
                origin = listed_origin(entry)
            except AddressNotAllowed:
                yield Judgement(name, f"{entry!r} is no name of a host.")
                continue
            if not _HOST.fullmatch(origin.host) or "*" in origin.host:
                yield Judgement(name, f"{entry!r} is no name of a host: each is named in full, without *.")
            if origin.scheme == "http" and not is_loopback(origin.host):
                yield Judgement(name, f"{entry!r} is sent to in the clear.", is_nonsense=False)
    if settings.EMAIL_HOST and settings.EMAIL_SECURITY == "none" and not is_loopback(settings.EMAIL_HOST):
        yield Judgement("EMAIL_SECURITY", "is none: mail goes to its server in the clear.", is_nonsense=False)
    yield from _operators(settings)


def _operators(settings: Any) -> Iterator[Judgement]:
    """Judge where drift is told: what can't be sent would be missed only when it matters."""
    if settings.OPERATORS_EMAIL:
        try:
            validate_email(settings.OPERATORS_EMAIL)
        except ValidationError:
            yield Judgement("OPERATORS_EMAIL", "is not one e-mail address; for several people take a list's.")
        if not settings.EMAIL_HOST:
            yield Judgement("OPERATORS_EMAIL", "is set, but no EMAIL_HOST that could carry it.")
    if settings.OPERATORS_SLACK_WEBHOOK:
        try:
            slack_address(settings.OPERATORS_SLACK_WEBHOOK, hosts=settings.SLACK_HOSTS)
        except AddressNotAllowed as error:
            yield Judgement("OPERATORS_SLACK_WEBHOOK", f"can't be sent to: {error}")


def _secrets(readings: tuple[Reading, ...]) -> Iterator[Judgement]:
    secrets = {reading.name: reading.value for reading in readings if reading.is_secret}
    for name, value in secrets.items():
        # Flower's password is judged with Flower, which asks the same before it starts; the others are not ours.
        if name not in {"FLOWER_PASSWORD", "EMAIL_HOST_PASSWORD", "OPERATORS_SLACK_WEBHOOK"}:
            yield from _secret(name, value, least=SHORTEST_SECRET)
    if len(set(secrets.values())) < len(secrets):
        yield Judgement("FIELD_KEY", "is the same as another secret; each must be one of its own.")


def _doors(settings: Any) -> Iterator[Judgement]:
    if settings.AUTH_DISABLED and not is_loopback(settings.BIND_HOST):
        yield Judgement("AUTH_DISABLED", f"is set while the service binds to {settings.BIND_HOST}.")
    elif settings.AUTH_DISABLED:
        yield Judgement("AUTH_DISABLED", "is set: every caller on this host acts as operator.", is_nonsense=False)
    if "*" in settings.ALLOWED_HOSTS:
        yield Judgement("ALLOWED_HOSTS", "lets the service be called by any name.", is_nonsense=False)
    if not settings.ALLOWED_HOSTS:
        yield Judgement("ALLOWED_HOSTS", "is empty: every request would be refused.")
    if not is_loopback(settings.FLOWER_ADDRESS):
        yield Judgement("FLOWER_ADDRESS", "lets others reach Flower, and without TLS.", is_nonsense=False)


def flower_judgements(settings: Any) -> list[Judgement]:
    """Say what makes Flower's door no door."""
    found = list(_secret("FLOWER_PASSWORD", settings.FLOWER_PASSWORD, least=SHORTEST_PASSWORD))
    if "," in settings.FLOWER_PASSWORD:
        found.append(Judgement("FLOWER_PASSWORD", "must not hold a comma: Flower would take it for two passwords."))
    if set(":,") & set(settings.FLOWER_USER) or not settings.FLOWER_USER:
        found.append(Judgement("FLOWER_USER", "must be a name without colon and comma."))
    return found


def _secret(name: str, value: str, *, least: int) -> Iterator[Judgement]:
    if len(value) < least:
        yield Judgement(name, f"is too short: at least {least} characters.")
    if _PLACEHOLDERS.search(value) or len(set(value)) < 5:
        yield Judgement(name, "looks like a placeholder of an example, which everybody knows.")


def _https(settings: Any) -> Iterator[Judgement]:
    if not settings.HTTPS and not is_loopback(settings.BIND_HOST):
        yield Judgement("HTTPS", "is off though others can reach the service: tokens go in the clear.", False)
    if settings.SECURE_SSL_REDIRECT and not settings.PROXY_PROTO_HEADER:
        yield Judgement(
            "PROXY_PROTO_HEADER",
            "is not set while plain requests are sent to HTTPS: behind a proxy that ends TLS they would go in circles.",
        )
    if settings.PROXY_PROTO_HEADER and not re.fullmatch(r"[A-Za-z0-9-]+", settings.PROXY_PROTO_HEADER):
        yield Judgement("PROXY_PROTO_HEADER", "must be the name of a header, such as X-Forwarded-Proto.")


def _parts(settings: Any) -> Iterator[Judgement]:
    on_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    in_memory = settings.BROKER_URL.startswith("memory")
    if not on_sqlite and in_memory:
        yield Judgement(
            "BROKER_URL", "is in memory: enough for `make serve`, but several processes need one.", is_nonsense=False
        )
    if on_sqlite and not in_memory:
        yield Judgement("DATABASE_URL", "is SQLite: all processes must be on this host.", is_nonsense=False)
    if not in_memory and not settings.CACHE_URL:
        yield Judgement("CACHE_URL", "is not set: each web process counts the limits for itself.", is_nonsense=False)


def _misspelt(known: set[str], strangers: Iterable[str]) -> Iterator[Judgement]:
    for stranger in strangers:
        for meant in difflib.get_close_matches(stranger.upper(), known, n=1, cutoff=0.88):
            yield Judgement(stranger, f"is no setting; was {meant} meant?", is_nonsense=False)
