"""This will let nothing be sent but to hosts that the settings name, exactly as they name them.

A list of private networks to keep out of is never complete; a list of names to send to is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

_PORTS = {"https": 443, "http": 80}


class AddressNotAllowed(Exception):
    """The address is none that may be sent to; its words hold nothing of the address but the host."""


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: all three must be those of the list."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port != _PORTS[self.scheme] else self.host


def slack_address(address: str, *, hosts: Iterable[str] | None = None) -> Origin:
    """Give the origin of a Slack webhook, on a host of the settings or of `hosts`; raises AddressNotAllowed."""
    return _allowed(address, hosts=settings.SLACK_HOSTS if hosts is None else hosts, setting="SLACK_HOSTS")


def webhook_address(address: str) -> Origin:
    """Give the origin of a subscription's address; raises AddressNotAllowed."""
    return _allowed(address, hosts=settings.WEBHOOK_HOSTS, setting="WEBHOOK_HOSTS")


def origin_of(address: str) -> Origin:
    """Take an address apart; raises AddressNotAllowed for what is none, or holds a user."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise AddressNotAllowed("It is no address.") from error
    if parts.scheme not in _PORTS or not parts.hostname or address != address.strip() or not address.isprintable():
        raise AddressNotAllowed("It must be an address that begins with https://.")
    # Parsers disagree about what stands before an @ or behind a backslash; nobody needs either here.
    if "@" in parts.netloc or "\\" in address:
        raise AddressNotAllowed("It must not hold a user, a password or a backslash.")
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def listed_origin(entry: str) -> Origin:
    """Read an entry of a list: `host`, `host:port`, or `http://host:port` where plain HTTP is meant."""
    return origin_of(entry if "://" in entry else f"https://{entry}")


def _allowed(address: str, *, hosts: Iterable[str], setting: str) -> Origin:
    origin = origin_of(address)
    if origin not in {listed_origin(entry) for entry in hosts}:
        raise AddressNotAllowed(f"{origin.scheme}://{origin} is not listed in the setting {setting}.")
    return origin
