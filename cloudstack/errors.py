"""Say what went wrong with a call to CloudStack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CallError:
    """Hold what is known of a call that gave no good answer; its text is made for people."""

    command: str
    http_status: int | None
    error_code: int | None
    cs_error_code: int | None
    text: str
    async_job_id: str | None

    def __str__(self) -> str:
        """Say what happened, to which command, with every code that is known."""
        codes = [
            f"{label} {value}"
            for label, value in (
                ("HTTP", self.http_status),
                ("errorcode", self.error_code),
                ("cserrorcode", self.cs_error_code),
                ("async job", self.async_job_id),
            )
            if value is not None
        ]
        return f"{self.command}: {self.text}" + (f" ({', '.join(codes)})" if codes else "")


class CloudError(Exception):
    """Tell that a read gave no result; `error` says why."""

    def __init__(self, error: CallError) -> None:
        """Keep the error for the one who catches it."""
        super().__init__(str(error))
        self.error = error


class CloudUnreachable(CloudError):
    """Tell that no usable answer came: no connection, time-out, server error, or not CloudStack's JSON."""


class CloudRefusedRead(CloudError):
    """Tell that CloudStack answered and refused: bad key, missing permission, wrong parameter, too many calls."""
