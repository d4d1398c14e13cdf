"""This will let a view keep its answer in the transaction of what it did, for repeats under the same key.

What keeps answers is set around the view by the composition root, where the request came with an `Idempotency-Key`.
Without one nothing is kept, and a view need not know which of the two is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])
_MARK = "keeps_its_answer"


class AnswerStore(Protocol):
    """This will keep the answers of one request under its key."""

    def keep(self, answer: Mapping[str, Any], *, part: str) -> None:
        """Keep the answer with what the open transaction writes; raises when the key is another request's by now."""

    def kept(self, *, part: str) -> dict[str, Any] | None:
        """Give the answer that an earlier request under this key kept for this part, None when there is none."""


_store: ContextVar[AnswerStore | None] = ContextVar("answer_store", default=None)


@contextmanager
def answers_kept_by(store: AnswerStore) -> Iterator[None]:
    """Have the answers of this block kept."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


def keep_answer(answer: Callable[[], Mapping[str, Any]], *, part: str = "") -> None:
    """Keep the answer of the request, or of one part of a bulk; call it in the transaction that does what was asked.

    The answer is made only where it is kept.
    """
    store = _store.get()
    if store is not None:
        store.keep(answer(), part=part)


def kept_answer(*, part: str) -> dict[str, Any] | None:
    """Give what an earlier request under this key answered for this part of a bulk: then the part is done already."""
    store = _store.get()
    return None if store is None else store.kept(part=part)


def keeps_its_answer(handler: Handler) -> Handler:
    """Mark a handler that calls `keep_answer` itself: it asks the cloud, so no transaction may be open around it.

    Around every other handler there is one, which holds what it writes together with its answer.
    """
    setattr(handler, _MARK, True)
    return handler


def does_keep_its_answer(handler: Callable[..., Any]) -> bool:
    """Say whether the handler is marked."""
    return bool(getattr(handler, _MARK, False))
