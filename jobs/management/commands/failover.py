"""This will let operators look at failovers and use their verbs at the terminal, as the API does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from jobs import services, verbs
from jobs.cleanup import clean_up, cleanup_preview, force_cleanup
from jobs.errors import JobError
from jobs.listing import JobFilter, page_of_jobs
from jobs.models import FailoverJob, JobState
from jobs.presentation import allowed_actions, current_steps, open_questions
from jobs.retries import retry, retry_preview
from jobs.runtime import process_engine, process_gateways
from validation.errors import NotReady

_NOT_RUN = "Nothing is lost: its target VM was never started here."
LIST = "list"
VERBS = ("status", "cancel", "cleanup", "answer", "extend", "rollback", "commit", "retry")
PREVIEWED = ("cancel", "cleanup", "rollback", "commit", "retry")
_COLUMNS = ("created", "type", "VM", "status", "state", "outcome", "job")


class Command(BaseCommand):
    """This will parse, call one service and say what is so then."""

    help = f"List failover jobs ({LIST}), or use a verb on one: {', '.join(VERBS)}"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the verb, the job, and what the verb needs."""
        parser.add_argument("verb", choices=(LIST, *VERBS))
        parser.add_argument("job_id", nargs="?", default="", help=f"the job, as {LIST} shows it")
        parser.add_argument("--state", choices=JobState.values, help="list: only jobs in this state")
        parser.add_argument("--limit", type=int, default=20, help="list: how many, newest first (20)")
        parser.add_argument("--reason", default="", help="why; stays in the timeline")
        parser.add_argument("--actor", default="manage.py", help="who does it, for the timeline")
        parser.add_argument("--question", type=int, default=0, help="answer: the question's id, as status shows it")
        parser.add_argument("--choice", default="", help="answer: one of its choices, as status shows them")
        parser.add_argument("--duration", default="", help="extend: how much later, as 30m or 2h")
        parser.add_argument("--confirm-vm-name", default="", help="rollback: the name of the VM whose writes are lost")
        parser.add_argument("--force", action="store_true", help="cleanup: leave what can't be removed, and list it")
        parser.add_argument("--dry-run", action="store_true", help=f"{', '.join(PREVIEWED)}: say what it would do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and print the job."""
        if options["verb"] == LIST:
            self._list(options)
            return
        if not options["job_id"]:
            raise CommandError(f"Which job? manage.py failover {LIST} shows them.")
        try:
            if options["dry_run"]:
                self._show(options)
                return
            job = self._use(options)
        except (JobError, NotReady) as error:
            raise CommandError("\n".join([str(error), *error.required_actions])) from error
        self._tell(job)

    def _list(self, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= 1000:
            raise CommandError("--limit must be 1 to 1000.")
        wanted = JobFilter(state=options["state"])
        page = page_of_jobs(wanted=wanted, limit=options["limit"], now=timezone.now())
        self.stdout.write("\t".join(_COLUMNS))
        for row in page.jobs:
            created = timezone.localtime(row["created_at"]).isoformat(timespec="seconds")
            words = (row["job_type"], row["vm_name"], row["status"], row["state"], row["outcome"] or "", row["job_id"])
            self.stdout.write("\t".join((created, *words)))
        if page.next_cursor:
            self.stdout.write(f"{'about ' if page.total_is_estimate else ''}{page.total} in all; --limit shows more")

    def _tell(self, job: FailoverJob) -> None:
        """Say where the job is, what it asks, and what may be done."""
        self.stdout.write(f"{job.job_id}: {job.status} ({job.state}{f', {job.outcome}' if job.outcome else ''})")
        asked = open_questions(job)
        # What a question is about says the same as the question.
        for line in [job.error_message, *([] if asked else current_steps(job))]:
            if line:
                self.stdout.write(f"  {line}")
        for question in asked:
            self.stdout.write(f"Question {question.pk} ({question.kind}): {question.text}")
            for offered in question.choices:
                self.stdout.write(f"  {offered['choice']}: {offered.get('effect', '')}")
            answer = f"failover answer {job.job_id} --question {question.pk}"
            self.stdout.write(f"  manage.py {answer} --choice … --reason …")
        allowed = [action.action for action in allowed_actions(job) if action.allowed]
        self.stdout.write(f"Now possible: {', '.join(allowed) or 'nothing'}.")

    def _use(self, options: dict[str, Any]) -> FailoverJob:
        engine = process_engine()
        job = services.job_of(options["job_id"])
        said = {"engine": engine, "job_id": job.job_id, "actor": options["actor"], "reason": options["reason"]}
        match options["verb"]:
            case "cancel":
                job = services.cancel(**said)
            case "cleanup" if options["force"]:
                forced = force_cleanup(engine=engine, job=job, actor=options["actor"], reason=options["reason"])
                self._show_left(forced.left)
                job = forced.job
            case "cleanup":
                job = clean_up(engine=engine, job=job, actor=options["actor"], reason=options["reason"])
            case "answer":
                job = services.answer(**said, question_id=options["question"], choice=options["choice"])
            case "extend":
                job = verbs.extend(**said, duration=options["duration"])
            case "commit":
                job = verbs.commit(**said)
            case "retry":
                retried = retry(**said, gateways=process_gateways())
                self.stdout.write(retried.words)
                job = retried.job
            case "rollback":
                job = verbs.roll_back(**said, typed_name=options["confirm_vm_name"])
        return job

    def _show(self, options: dict[str, Any]) -> None:
        """Say what the verb would do; one that cannot say it is refused, since nothing was to be done."""
        engine = process_engine()
        job = services.job_of(options["job_id"])
        match options["verb"]:
            case "cancel":
                self._show_steps(services.cancel_preview(engine=engine, job=job))
            case "cleanup":
                self._show_steps(cleanup_preview(engine=engine, job=job))
            case "commit":
                self._show_steps(verbs.commit_preview(engine=engine, job=job))
            case "retry":
                self._show_steps(retry_preview(engine=engine, gateways=process_gateways(), job=job))
            case "rollback":
                self._show_rollback(verbs.rollback_preview(engine=engine, job=job))
            case verb:
                raise CommandError(f"{verb} has no dry run; nothing was done.")

    def _show_left(self, left: list[dict[str, Any]]) -> None:
        self.stdout.write(f"Left so far: {len(left) or 'nothing'}.")
        for entry in left:
            self.stdout.write(f"  {entry['resource_type']} {entry['name']} ({entry['id']}): {entry['reason']}")
            self.stdout.write(f"    {entry['to_do']}")

    def _show_steps(self, preview: dict[str, Any]) -> None:
        self.stdout.write(preview["words"])
        if preview.get("obstacle"):
            self.stdout.write(f"That is refused now: {preview['obstacle']}")
        for action in preview.get("required_actions", ()):
            self.stdout.write(f"  to do: {action}")
        self._number(preview["steps"])

    def _show_rollback(self, preview: dict[str, Any]) -> None:
        self.stdout.write(preview["words"])
        since = preview["writes_lost_since"]
        seconds = f"{preview['writes_lost_seconds']:.0f} s"
        self.stdout.write(f"Lost: what {preview['vm_name']} wrote since {since} ({seconds})." if since else _NOT_RUN)
        self._number(preview["steps"])
        self.stdout.write(preview["after_it"])

    def _number(self, titles: Iterable[str]) -> None:
        for number, title in enumerate(titles, 1):
            self.stdout.write(f"  {number}. {title}")
