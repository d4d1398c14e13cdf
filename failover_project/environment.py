"""This will read typed values from the process environment; only settings.py calls it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def text(name: str, default: str = "") -> str:
    """Give the variable's text, stripped."""
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool) -> bool:
    """Give the variable as a truth value; raises ImproperlyConfigured when it is neither yes nor no."""
    value = text(name, "true" if default else "false").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: float) -> float:
    """Give the variable as a number; raises ImproperlyConfigured when it is none."""
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from error


def listed(name: str, default: str) -> list[str]:
    """Give a comma-separated variable as a list without blanks."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def secret(name: str, *, file: Path) -> str:
    """Give the secret from the environment, else from a file of mode 0600 that is made on first use."""
    value = text(name)
    if value:
        return value
    if not file.exists():
        _create_secret_file(file)
    return file.read_text().strip()


def _create_secret_file(file: Path) -> None:
    """Write the secret beside its place and link it there: nobody ever reads half of it, and the first one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, file)
    except FileExistsError:
        return  # Another process of ours made it a moment ago; its secret is the one to use.
    finally:
        draft.unlink()
