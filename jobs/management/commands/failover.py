"""This will let operators use the verbs of failovers at the terminal, as the API does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import services, verbs
from jobs.cleanup import clean_up, force_cleanup
from jobs.errors import JobError
from jobs.models import FailoverJob
from jobs.presentation import allowed_actions, current_steps
from jobs.retries import retry, retry_preview
from jobs.runtime import process_engine, process_gateways
from validation.errors import NotReady

_NOT_RUN = "Nothing is lost: its target VM was never started here."
VERBS = ("status", "cancel", "cleanup", "answer", "extend", "rollback", "commit", "retry")


class Command(BaseCommand):
    """This will parse, call one service and say what is so then."""

    help = "Use a verb on a failover job: " + ", ".join(VERBS)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the verb, the job, and what the verb needs."""
        parser.add_argument("verb", choices=VERBS)
        parser.add_argument("job_id")
        parser.add_argument("--reason", default="")
        parser.add_argument("--actor", default="manage.py", help="who does it, for the timeline")
        parser.add_argument("--question", type=int, default=0, help="answer: the question's id")
        parser.add_argument("--choice", default="", help="answer: one of its choices")
        parser.add_argument("--duration", default="", help="extend: how much later, as 30m or 2h")
        parser.add_argument("--confirm-vm-name", default="", help="rollback: the name of the VM whose writes are lost")
        parser.add_argument("--force", action="store_true", help="cleanup: leave what can't be removed, and list it")
        parser.add_argument("--dry-run", action="store_true", help="cancel, rollback, retry: say what it would do")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and print the job."""
        try:
            job = self._use(options)
        except (JobError, NotReady) as error:
            raise CommandError("\n".join([str(error), *error.required_actions])) from error
        if job is None:
            return
        self.stdout.write(f"{job.job_id}: {job.status} ({job.state}{f', {job.outcome}' if job.outcome else ''})")
        for line in current_steps(job):
            self.stdout.write(f"  {line}")
        allowed = [action.action for action in allowed_actions(job) if action.allowed]
        self.stdout.write(f"Now possible: {', '.join(allowed) or 'nothing'}.")

    def _use(self, options: dict[str, Any]) -> FailoverJob | None:
        engine = process_engine()
        job = services.job_of(options["job_id"])
        said = {"engine": engine, "job_id": job.job_id, "actor": options["actor"], "reason": options["reason"]}
        match options["verb"]:
            case "cancel" if options["dry_run"]:
                self._show_steps(services.cancel_preview(engine=engine, job=job))
                return None
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
            case "rollback" if options["dry_run"]:
                self._preview(verbs.rollback_preview(engine=engine, job=job))
                return None
            case "retry" if options["dry_run"]:
                self._show_steps(retry_preview(engine=engine, gateways=process_gateways(), job=job))
                return None
            case "retry":
                retried = retry(**said, gateways=process_gateways())
                self.stdout.write(retried.words)
                job = retried.job
            case "rollback":
                job = verbs.roll_back(**said, typed_name=options["confirm_vm_name"])
        return job

    def _show_left(self, left: list[dict[str, Any]]) -> None:
        self.stdout.write(f"Left so far: {len(left) or 'nothing'}.")
        for entry in left:
            self.stdout.write(f"  {entry['resource_type']} {entry['name']} ({entry['id']}): {entry['reason']}")
            self.stdout.write(f"    {entry['to_do']}")

    def _show_steps(self, preview: dict[str, Any]) -> None:
        self.stdout.write(preview["words"])
        if preview.get("obstacle"):
            self.stdout.write(f"That is refused now: {preview['obstacle']}")
        for number, title in enumerate(preview["steps"], 1):
            self.stdout.write(f"  {number}. {title}")

    def _preview(self, preview: dict[str, Any]) -> None:
        self.stdout.write(preview["words"])
        since = preview["writes_lost_since"]
        seconds = f"{preview['writes_lost_seconds']:.0f} s"
        self.stdout.write(f"Lost: what {preview['vm_name']} wrote since {since} ({seconds})." if since else _NOT_RUN)
        for number, title in enumerate(preview["steps"], 1):
            self.stdout.write(f"  {number}. {title}")
        self.stdout.write(preview["after_it"])
