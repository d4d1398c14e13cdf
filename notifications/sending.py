"""This will make one try of one delivery; it touches no database, so that a receiver that hangs holds nothing."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import requests
from django.conf import settings
from django.core.mail import EmailMessage

from inventory.secrets import SecretUnreadable
from notifications import messages
from notifications.addresses import AddressNotAllowed, slack_address, webhook_address
from notifications.models import Channel, Delivery

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
# How long a receiver may make us wait by Retry-After.
LONGEST_WAIT = 3600.0
_GONE = 410


@dataclass(frozen=True)
class Answer:
    """What became of a try. `trouble` is blank when it was taken; `again` is False when no repetition would help."""

    trouble: str = ""
    http_status: int | None = None
    again: bool = True
    wait_seconds: float | None = None


def _plain_session() -> requests.Session:
    session = requests.Session()
    # Neither a proxy nor a password of the environment.
    session.trust_env = False
    return session


@dataclass(frozen=True)
class Sender:
    """Sends by the delivery's channel."""

    now: Callable[[], datetime]
    session_factory: Callable[[], requests.Session] = field(default=_plain_session)

    def send(self, delivery: Delivery) -> Answer:
        """Try once; the rows that the delivery refers to must have been read before."""
        try:
            match delivery.channel:
                case Channel.EMAIL:
                    return self._mail(delivery)
                case Channel.SLACK:
                    return self._slack(delivery)
                case _:
                    return self._webhook(delivery)
        except (AddressNotAllowed, SecretUnreadable) as error:
            return Answer(trouble=str(error), again=False)

    def _mail(self, delivery: Delivery) -> Answer:
        if not settings.EMAIL_HOST:
            return Answer(trouble="No mail server is configured: set EMAIL_HOST.", again=False)
        notification = delivery.notification
        message = EmailMessage(
            subject=messages.title_of(notification),
            body=messages.mail_text(notification),
            to=[notification.email],
            headers={"Message-ID": f"<{delivery.uuid}@failover>", "Auto-Submitted": "auto-generated"},
        )
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as refused:
            return Answer(trouble=f"The mail server refuses the address: {_codes(refused)}.")
        except smtplib.SMTPException as error:
            return Answer(trouble=f"The mail server said no: {type(error).__name__}.")
        except OSError as error:
            return Answer(trouble=f"The mail server cannot be reached: {type(error).__name__}.")
        return Answer()

    def _slack(self, delivery: Delivery) -> Answer:
        address = delivery.notification.slack_webhook
        slack_address(address)
        return self._post(address, body=messages.slack_body(delivery.notification), headers={})

    def _webhook(self, delivery: Delivery) -> Answer:
        subscription = delivery.subscription
        if subscription is None or not subscription.is_active:
            return Answer(trouble="The subscription was removed or switched off.", again=False)
        webhook_address(subscription.url)
        body, seconds = messages.webhook_body(delivery.notification), int(self.now().timestamp())
        headers = {
            "X-Failover-Event": delivery.notification.event,
            # The same for every try: by it a receiver knows what it has already.
            "X-Failover-Delivery": str(delivery.uuid),
            "X-Failover-Timestamp": str(seconds),
            "X-Failover-Signature": messages.signature_of(body, secret=subscription.secret, seconds=seconds),
        }
        return self._post(subscription.url, body=body, headers=headers)

    def _post(self, address: str, *, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            with self.session_factory() as session:
                # The answer's body is not read: nothing in it matters, and it might never end.
                answer = session.post(
                    address,
                    data=body,
                    headers={"Content-Type": "application/json", "User-Agent": "cloudstack-failover", **headers},
                    timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
                answer.close()
        except requests.RequestException as error:
            return Answer(trouble=_words_of(error))
        return _judged(answer)


def _judged(answer: requests.Response) -> Answer:
    status = answer.status_code
    if 200 <= status < 300:
        return Answer(http_status=status)
    if 300 <= status < 400:
        return Answer(trouble=f"It answered {status}: redirects are not followed.", http_status=status)
    wait = answer.headers.get("Retry-After", "")
    return Answer(
        trouble=f"It answered {status}.",
        http_status=status,
        again=status != _GONE,
        wait_seconds=min(float(wait), LONGEST_WAIT) if wait.isascii() and wait.isdigit() else None,
    )


def _words_of(error: requests.RequestException) -> str:
    """Say what failed without the error's own words, in which the address stands."""
    match error:
        case requests.exceptions.ConnectTimeout():
            return f"No connection within {CONNECT_SECONDS:g} s."
        case requests.exceptions.Timeout():
            return f"No answer within {ANSWER_SECONDS:g} s."
        case requests.exceptions.SSLError():
            return "TLS failed: its certificate is not to be trusted, or it speaks no TLS."
        case requests.exceptions.ConnectionError():
            return "It cannot be reached, or the connection broke."
        case _:
            return f"Nothing could be sent: {type(error).__name__}."


def _codes(refused: smtplib.SMTPRecipientsRefused) -> str:
    return ", ".join(sorted({str(code) for code, _ in refused.recipients.values()}))
