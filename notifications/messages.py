"""This will put notifications into the words and forms of each channel."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from notifications.models import Event, Notification

_LONGEST_WORDS = 2000
_SAID: dict[str, str] = {
    Event.STARTED: "has begun",
    Event.RUNNING: "runs",
    Event.QUESTION: "NEEDS AN ANSWER",
    Event.OVERDUE: "is OVERDUE",
    Event.CLEANUP_DONE: "was cleaned up",
}


def title_of(notification: Notification) -> str:
    """Give one line: which kind of failover, of which VM, and what became of it."""
    body = notification.body
    if notification.event == Event.DRIFT:
        return " ".join(f"Cloud {body.get('cloud', '')} differs from what is recorded".split())[:200]
    if notification.event == Event.TRIAL:
        return " ".join(f"A trial of {notification.subject}".split())[:200]
    said = _SAID.get(notification.event) or str(body.get("outcome") or "ended")
    title = f"{str(body.get('job_type', '')).capitalize()} failover of {body.get('vm_name', '')} {said}"
    # One line whatever the VM is called: mail headers end at a line's end.
    return " ".join(title.replace("_", " ").split())[:200]


def mail_text(notification: Notification) -> str:
    """Give the text of an e-mail."""
    lines = [title_of(notification), "", notification.words[:_LONGEST_WORDS], ""]
    shown = ("job_id", "vm_id", "status", "outcome", "error_message", "requested_by", "request_id")
    lines += [f"{name}: {notification.body[name]}" for name in shown if notification.body.get(name)]
    lines.append(f"at: {notification.created_at:%Y-%m-%d %H:%M:%S} UTC")
    return "\n".join(lines) + "\n"


def slack_body(notification: Notification) -> bytes:
    """Give the body for a Slack webhook; names and words must not call anybody (`<!channel>`)."""
    text = f"{title_of(notification)}\n{notification.words[:_LONGEST_WORDS]}\n{notification.subject}"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": escaped}).encode()


def webhook_body(notification: Notification) -> bytes:
    """Give the body for a signed webhook; `sequence` tells the order, which retries may change."""
    body: dict[str, Any] = {
        "event": notification.event,
        "notification_id": str(notification.uuid),
        "sequence": notification.pk,
        "at": notification.created_at.isoformat(),
        "words": notification.words,
        **notification.body,
    }
    return json.dumps(body, default=str).encode()


def signature_of(body: bytes, *, secret: str, seconds: int) -> str:
    """Sign as the appliances' hooks are signed: HMAC-SHA256 over `<unix seconds>.<body>`, in hex."""
    return hmac.new(secret.encode(), str(seconds).encode() + b"." + body, hashlib.sha256).hexdigest()
