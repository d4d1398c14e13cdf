"""This will check the signature of a call as CloudStack's ApiServer does, with code of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=4096)
def java_encode(value: str) -> str:
    """This will encode a value like Java's URLEncoder: "~" becomes %7E and "*" stays, unlike most clients."""
    return quote(value, safe="*").replace("~", "%7E")


def sign(params: Mapping[str, str], secret_key: str) -> str:
    """This will compute the signature of a call's parameters."""
    text = "&".join(f"{name}={java_encode(params[name])}" for name in sorted(params) if name != "signature").lower()
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(params: Mapping[str, str], *, secret_key: str, now: float) -> bool:
    """This will tell whether the signature fits and, in version 3, whether `expires` still lies ahead."""
    if params.get("signatureVersion") == "3" and not _lies_ahead(params.get("expires", ""), now):
        return False
    return hmac.compare_digest(sign(params, secret_key), params.get("signature", ""))


def _lies_ahead(expires: str, now: float) -> bool:
    try:
        moment = datetime.strptime(expires, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return False
    return moment.timestamp() >= now
