"""This will prove that recent log records can be read page by page, from all processes, and without a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import settings
from hypothesis import example, given
from hypothesis import strategies as some
from rest_framework.test import APIClient

from debugtools.log_file import FormattedOnce, SharedLogFile, moved_aside
from debugtools.log_reading import CursorGone, Wanted, read_page
from inventory.redaction import REDACTED, Redactor

LOGS = "/api/v1/debug/logs"
ALL = Wanted()


def _record(event: str, **fields: Any) -> logging.LogRecord:
    text = json.dumps({"event": event, "level": "info", **fields})
    return logging.LogRecord("tests", logging.INFO, __file__, 1, text, None, None)


def _log(path: Path, *, max_bytes: int = 1_000_000) -> SharedLogFile:
    return SharedLogFile(path, max_bytes=max_bytes)


def _events(path: Path, **wanted: Any) -> list[str]:
    return [record["event"] for record in read_page(path, wanted=Wanted(**wanted), limit=10_000).records]


@pytest.mark.django_db
def test_what_a_request_logs_is_found_by_its_id_with_the_answer_that_it_got(operator: APIClient) -> None:
    operator.post("/api/v1/failover/live", {}, HTTP_X_REQUEST_ID="req-of-this-test")

    body = operator.get(LOGS, {"request_id": "req-of-this-test"}).json()

    (record,) = body["records"]
    assert (record["event"], record["logger"]) == ("request_answered", "failover_project.api.request_log")
    assert record["fields"] | {"milliseconds": 0, "pid": 0} == {
        "method": "POST",
        "path": "/api/v1/failover/live",
        "status": 400,
        "milliseconds": 0,
        "principal": "operator of the test",
        "pid": 0,
    }
    assert body["source"]["kind"] == "file"
    assert body["next_cursor"] is None or body["returned_records"] == 1


@pytest.mark.django_db
def test_reads_that_went_well_are_not_worth_a_line(operator: APIClient) -> None:
    operator.get("/api/v1/network-mappings", HTTP_X_REQUEST_ID="req-of-a-poller")

    assert operator.get(LOGS, {"request_id": "req-of-a-poller"}).json()["records"] == []


@pytest.mark.django_db
def test_filters_by_job_level_and_logger_narrow_the_records(operator: APIClient) -> None:
    for name, level in (("tests.alpha", "warning"), ("tests.alpha.deep", "info"), ("tests.beta", "error")):
        getattr(structlog.get_logger(name), level)("narrowed", job_id="live-failover-narrow-1")

    def loggers(**asked: str) -> list[str]:
        answer = operator.get(LOGS, {"job_id": "live-failover-narrow-1", **asked})
        return [record["logger"] for record in answer.json()["records"]]

    assert loggers() == ["tests.beta", "tests.alpha.deep", "tests.alpha"]
    assert loggers(level="warning") == ["tests.beta", "tests.alpha"]
    assert loggers(logger="tests.alpha") == ["tests.alpha.deep", "tests.alpha"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bad", [{"limit": "0"}, {"level": "loud"}, {"cursor": "nonsense"}, {"cursor": "0123456789abcdef-7"}]
)
def test_a_wrong_parameter_is_400_and_named(operator: APIClient, bad: dict[str, str]) -> None:
    structlog.get_logger("tests").info("there is a log")

    answer = operator.get(LOGS, bad)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(bad))


@pytest.mark.django_db
def test_a_viewer_may_not_read_the_log(viewer: APIClient) -> None:
    assert viewer.get(LOGS).status_code == 403


@pytest.mark.django_db
def test_a_defect_is_logged_once_with_its_traceback_under_the_request(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("broken with password=hunter2hunter2")

    monkeypatch.setattr("debugtools.api.views.health", broken)
    operator.get("/api/v1/debug/health", HTTP_X_REQUEST_ID="req-of-a-defect")

    records = operator.get(LOGS, {"request_id": "req-of-a-defect", "level": "error"}).json()["records"]

    (record,) = records
    assert "RuntimeError" in record["fields"]["exception"]
    assert "hunter2" not in json.dumps(record)


def test_pages_follow_one_another_without_gap_or_repetition_across_a_moved_file(tmp_path: Path) -> None:
    path = tmp_path / "log" / "service.jsonl"
    log = _log(path, max_bytes=1_000)
    for number in range(50):
        log.emit(_record(f"{number}"))
    kept = _events(path)
    assert moved_aside(path).exists() and 20 < len(kept) <= 50

    seen, cursor = [], ""
    while True:
        page = read_page(path, wanted=ALL, limit=7, cursor=cursor)
        seen += [record["event"] for record in page.records]
        if page.cursor is None:
            break
        # What is written meanwhile moves nothing that an older page shows.
        cursor = page.cursor
    log.close()

    assert seen == kept == [f"{number}" for number in range(49, 49 - len(kept), -1)]


def test_a_page_goes_on_in_a_file_that_was_moved_aside_after_it_was_begun(tmp_path: Path) -> None:
    path = tmp_path / "service.jsonl"
    log = _log(path, max_bytes=1_000)
    for number in range(5):
        log.emit(_record(f"old {number}"))
    cursor = read_page(path, wanted=ALL, limit=2).cursor
    assert cursor is not None
    while not moved_aside(path).exists():
        log.emit(_record("new"))

    page = read_page(path, wanted=ALL, limit=2, cursor=cursor)
    assert [record["event"] for record in page.records] == ["old 2", "old 1"]

    for _ in range(60):
        log.emit(_record("newer"))
    with pytest.raises(CursorGone):
        read_page(path, wanted=ALL, limit=2, cursor=cursor)


def test_the_files_stay_within_their_bounds_however_much_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "service.jsonl"
    log = _log(path, max_bytes=5_000)

    for number in range(1_000):
        log.emit(_record(f"{number}", text="x" * 50))

    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert sum(sizes) <= 10_000
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


WRITER = """
import json, logging, sys
from debugtools.log_file import SharedLogFile
log = SharedLogFile(sys.argv[1], max_bytes=150_000)
for number in range(400):
    text = json.dumps({"event": f"{sys.argv[2]} {number}", "level": "info", "filling": "x" * 100})
    log.emit(logging.LogRecord("w", logging.INFO, "", 1, text, None, None))
"""


@pytest.mark.processes
def test_lines_of_several_processes_never_mix_and_none_is_lost_when_the_file_is_moved(tmp_path: Path) -> None:
    path = tmp_path / "service.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name], cwd=settings.BASE_DIR) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    page = read_page(path, wanted=ALL, limit=10_000)

    assert page.unreadable_lines == 0
    assert moved_aside(path).exists()
    for name in ("a", "b", "c"):
        numbers = [int(record["event"][2:]) for record in page.records if record["event"].startswith(name)]
        assert sorted(numbers) == list(range(400))


SECRETS = {
    "a header": "sent Authorization: Token s3cr3t-s3cr3t-s3cr3t to the hook",
    "a bearer": "Bearer s3cr3t-s3cr3t-s3cr3t was refused",
    "a token of ours": "the token fo_s3cr3t-s3cr3t-s3cr3t is unknown",
    "a signed address": "GET http://cloud/client/api?command=x&apiKey=s3cr3t&signature=s3cr3t%3D&expires=1",
    "a form": "secretkey=s3cr3t&name=a",
    "JSON": '{"password": "s3cr3t", "name": "a"}',
    "a dictionary": "{'api_key': 's3cr3t', 'name': 'a'}",
    "an address with a password": "postgres://failover:s3cr3t@db.example/failover",
    "a webhook": "https://hooks.slack.com/services/T0/B0/s3cr3t",
    "a known one": "the key is KNOWN-s3cr3t-KNOWN",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_no_secret_leaves_a_text(text: str) -> None:
    cleaned = Redactor(known=["KNOWN-s3cr3t-KNOWN"]).text(text)

    assert "s3cr3t" not in cleaned
    assert REDACTED in cleaned


@pytest.mark.parametrize(
    "name", ["password", "hook_secret", "api_key", "secretKey", "signature", "Authorization", "slack_webhook", "token"]
)
def test_no_field_that_is_named_after_a_secret_is_logged(name: str) -> None:
    record = Redactor()(None, "info", {"event": "x", name: "s3cr3t", "deep": [{"deeper": {name: ["s3cr3t"]}}]})

    assert "s3cr3t" not in json.dumps(record)


def test_what_is_no_secret_stays() -> None:
    record = {"event": "step_done", "step_key": "attach-1", "async_job_id": "9f0e", "milliseconds": 3, "ok": True}

    assert Redactor()(None, "info", record) == record
    assert Redactor().text("Token of the test: see https://example.com/a?b=c") == (
        "Token of the test: see https://example.com/a?b=c"
    )


class _Endpoint:
    def __repr__(self) -> str:
        return "Endpoint(secret_key='s3cr3t')"


def test_objects_are_logged_as_text_and_without_secrets() -> None:
    assert "s3cr3t" not in str(Redactor().cleaned({"endpoint": _Endpoint()}))


@given(some.text() | some.dictionaries(some.text(), some.floats() | some.text() | some.lists(some.text())))
def test_every_record_can_be_written_and_shown_again(value: Any) -> None:
    cleaned = Redactor().cleaned({"value": value})

    again = json.loads(json.dumps(cleaned, allow_nan=False))
    assert again == cleaned
    again_shown: str = json.dumps(again, ensure_ascii=False, allow_nan=False)
    again_shown.encode("utf-8")


_PIECES = [
    *("Authorization", "token", "Bearer ", "basic ", "fo_", "password", "secret", "api_key", "apikey", "sessionkey"),
    *("signature", "credential", "://", "https://hooks.slack.com/", "user:", "@", "=", ": ", "'", '"', "&", " ", "-"),
    *("x" * 20, "s3cr3t", "PASSPHRASE", "Api-Key", "\n", "{", "}", "9f0e-11"),
]


_LONG = "x" * 20


# One that each pattern changes, and that holds no other sign of a secret.
@example(f"fo_{_LONG}")
@example(f"Bearer {_LONG}")
@example(f"bAsic {_LONG}")
@example(f"TOKEN {_LONG}")
@example("authorization: x")
@example("passwd=x")
@example("passphrase: 'x'")
@example("secret=x")
@example("api_key=x")
@example("APIKEY=x")
@example("sessionkey=x")
@example("signature=x")
@example("credential=x")
@example("postgres://user:x@host")
@example("https://hooks.slack.com/x")
@given(some.lists(some.sampled_from(_PIECES), max_size=8).map("".join))
def test_a_text_that_is_let_through_at_once_would_have_been_left_as_it_is(text: str) -> None:
    # What is not ASCII is always looked through.
    assert "é " + Redactor().text(text) == Redactor().text("é " + text)


def test_a_record_that_goes_to_two_logs_is_formatted_once_and_read_alike(tmp_path: Path) -> None:
    calls: list[str] = []

    def count(_logger: object, _method: str, event: Any) -> str:
        calls.append("formatted")
        return json.dumps({"event": event["event"]})

    formatter = FormattedOnce(processors=[count])
    logs = [_log(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    record = logging.LogRecord("tests", logging.INFO, __file__, 1, "once", None, None)
    for log in logs:
        log.setFormatter(formatter)
        log.emit(record)

    assert [_events(log.path) for log in logs] == [["once"], ["once"]]
    assert calls == ["formatted"]


def test_a_long_text_is_cut_and_costs_little() -> None:
    text = Redactor().text("a-" * 500_000)

    assert len(text) < 9_000
    assert text.endswith("characters more)")
