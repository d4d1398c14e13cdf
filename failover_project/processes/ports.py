"""This will read ports from command lines, and say which one is taken."""

from __future__ import annotations

import errno
from argparse import ArgumentTypeError


def port(text: str) -> int:
    """Give the port; fails for what is none. A larger number would be cut to another port that nobody asked for."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is no port: 1 to 65535, or 0 for a free one")
    return int(text)


def why_not_bound(error: OSError, *, host: str, number: int) -> str:
    """Say why nobody can listen there, and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {number} on {host} is taken by another program: end it, or choose another with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this host: choose another with --host (BIND_HOST)."
        case errno.EACCES:
            return f"Port {number} needs more rights than this process has: choose one above 1023 with --port."
    return f"Nobody can listen at {host}:{number}: {error}."
