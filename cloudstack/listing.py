"""Read from CloudStack: a read is repeated at once where the connection broke, and lists are read to their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from cloudstack.answers import Body, UnusableAnswer
from cloudstack.decoding import Fields
from cloudstack.errors import CallError, CloudError, CloudRefusedRead, CloudUnreachable
from cloudstack.line import MAX_ANSWER_BYTES
from cloudstack.refusals import is_refusal
from cloudstack.transport import CallFailed, Transport

T = TypeVar("T")
Decode = Callable[[object], T]

READ_TRIES = 3
_READ_EXPIRES_AFTER = 120.0
_PAGE_SIZE = 500
_MAX_PAGES = 400
_PAGE_TOO_LARGE = re.compile(r"max allowed page size value: (\d+)")


class Reader:
    """Run single reads and whole lists for the gateway."""

    def __init__(self, transport: Transport) -> None:
        """Read through this transport."""
        self._transport = transport
        self._page_size = _PAGE_SIZE

    def body(
        self,
        command: str,
        parameters: Mapping[str, str],
        *,
        timeout: float | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> Body:
        """Return the body of the answer; raise CloudUnreachable or CloudRefusedRead."""
        transport = self._transport

        def send() -> Body:
            return transport.call(
                command,
                parameters,
                expires=transport.clock.now() + _READ_EXPIRES_AFTER,
                timeout=transport.endpoint.timeout if timeout is None else timeout,
                max_answer_bytes=max_answer_bytes,
            )

        return _tried(send, tries=READ_TRIES)

    def one(self, command: str, key: str, decode: Decode[T]) -> T:
        """Return the one object that a command without parameters answers with."""
        value = self.body(command, {}).get(key)
        return decoded(command, decode, value)

    def every(self, command: str, key: str, decode: Decode[T], parameters: Mapping[str, str]) -> tuple[T, ...]:
        """Return everything that the list command finds, page by page until it is complete.

        Lists move while they are read: what a later page repeats is given once.
        """
        found: dict[object, T] = {}
        received = 0
        for page in range(1, _MAX_PAGES + 1):
            body = self._page(command, parameters, page)
            values, count = decoded(command, partial(_listed, key=key, page=page), body)
            for value in values:
                result = decoded(command, decode, value)
                found[getattr(result, "id", result)] = result
            received += len(values)
            if not values or received >= count:
                return tuple(found.values())
        raise CloudUnreachable(_unusable(command, f"the list did not end within {_MAX_PAGES} pages"))

    def _page(self, command: str, parameters: Mapping[str, str], page: int) -> Body:
        try:
            return self.body(command, {**parameters, "page": str(page), "pagesize": str(self._page_size)})
        except CloudRefusedRead as refused:
            # A cloud may allow smaller pages only, and says how small; that can come up on the first page alone.
            allowed = _PAGE_TOO_LARGE.search(refused.error.text)
            if page > 1 or allowed is None or not 0 < int(allowed[1]) < self._page_size:
                raise
            self._page_size = int(allowed[1])
            return self._page(command, parameters, page)


def decoded(command: str, decode: Decode[T], value: object) -> T:
    """Return the decoded value; raise CloudUnreachable when CloudStack's answer is not as it should be."""
    try:
        return decode(value)
    except UnusableAnswer as unusable:
        raise CloudUnreachable(_unusable(command, str(unusable))) from unusable


def _tried(send: Callable[[], Body], *, tries: int) -> Body:
    try:
        return send()
    except CallFailed as failed:
        if failed.repeatable and tries > 1:
            return _tried(send, tries=tries - 1)
        raise _as_read_error(failed) from failed


def _as_read_error(failed: CallFailed) -> CloudError:
    if failed.stage == "error_answer" and is_refusal(failed.error):
        return CloudRefusedRead(failed.error)
    return CloudUnreachable(failed.error)


def _listed(body: object, *, key: str, page: int) -> tuple[tuple[object, ...], int]:
    """Return the objects of one page and how many there are in all.

    An empty list has no key at all. That must not be taken from an answer that holds something else instead.
    """
    fields = Fields("list", body)
    values = fields.objects(key)
    count = fields.optional_integer("count")
    if not values and isinstance(body, Mapping):
        strange = [name for name in body if name not in ("count", key)]
        if strange or (page == 1 and count):
            raise UnusableAnswer(f"a list with neither {key} nor nothing in it: {sorted(body)[:5]}, count {count}")
    return values, len(values) if count is None else count


def _unusable(command: str, text: str) -> CallError:
    return CallError(
        command=command, http_status=200, error_code=None, cs_error_code=None, text=text, async_job_id=None
    )
