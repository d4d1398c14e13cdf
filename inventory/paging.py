"""This will page through lists of any length without counting all of their rows."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Max, Min, QuerySet
from django.utils.functional import cached_property

COUNTED_EXACTLY = 10_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """This will count up to a bound; beyond it a whole table is estimated from its ids, and a filtered list cut off."""

    @cached_property
    def count(self) -> int:
        """Give the number of rows, or what is said of more than `COUNTED_EXACTLY`."""
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        bounded = len(rows.order_by().values_list("pk", flat=True)[: COUNTED_EXACTLY + 1])
        if bounded <= COUNTED_EXACTLY or rows.query.where:
            return bounded
        # Rows of the journal are never deleted, so ids have few gaps.
        # One after the other: SQLite looks each up in the index, but walks the whole of it for both at once.
        last, first = (rows.model._default_manager.aggregate(end=end("pk"))["end"] for end in (Max, Min))
        return max(bounded, int(last) - int(first) + 1)
