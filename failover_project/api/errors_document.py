"""This will write docs/errors.md from the one table of error codes."""

from __future__ import annotations

from collections.abc import Iterator

from failover_project.api.error_codes import ERROR_CODES
from failover_project.api.json_parser import MAX_BODY_BYTES, MAX_DEPTH, MAX_QUERY_BYTES

_BEGINNING = """\
# Errors

Made by `manage.py describe_errors > docs/errors.md` from `failover_project/api/error_codes.py`: change the table there.

Every answer under `/api` that is no success has this shape, whatever goes wrong, and the header `X-Request-ID`:

    {
      "success": false,
      "message": "Error description",
      "error": "What happened, to which thing",
      "error_code": "VALIDATION_FAILED",
      "timestamp": "2025-08-18T16:45:30+01:00",
      "request_id": "req-12345-67890",
      "required_actions": ["What to do"]
    }

Some errors have fields of their own beside these, such as `fields` (what is wrong with which parameter) or
`blocking_job`. The log has the same `request_id`. 429 and `IDEMPOTENCY_KEY_IN_PROGRESS` come with `Retry-After` in
seconds, 405 with `Allow`, 401 with `WWW-Authenticate`.

| code | HTTP | means | what to do, unless the error says more |
|---|---|---|---|
"""


def errors_document() -> str:
    """Give the document's text."""
    rows = "".join(
        f"| `{code.code}` | {code.status} | {code.meaning} | {'; '.join(code.required_actions)} |\n"
        for code in sorted(ERROR_CODES.values(), key=lambda code: (code.status, code.code))
    )
    return _BEGINNING + rows + "\n## Limits of requests\n\n" + "".join(f"- {limit}\n" for limit in _limits())


def _limits() -> Iterator[str]:
    yield f"A body has at most {MAX_BODY_BYTES // 1024} KiB (else 413)."
    yield "It is JSON in UTF-8, sent as `application/json` (else 415)."
    yield f"JSON is nested at most {MAX_DEPTH} levels deep; whole numbers have at most 64 bits; `NaN` is no number."
    yield "No key stands twice in an object, and no parameter twice in a query."
    yield f"A query has at most {MAX_QUERY_BYTES} bytes and 100 parameters."
    yield "No text, no query and no path holds a NUL or half of a surrogate pair, and all are valid UTF-8."
    yield "Ids are letters, digits and `_ . : -`. Names hold no line breaks and no characters that cannot be seen."
    yield "What breaks one of these is refused with 400 before anything is looked up."
