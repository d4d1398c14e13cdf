"""This will tell of calls that an operator left, and that still run in the cloud under ids which are not ours.

Nobody follows them any more, and no reservation stands for them: nothing may be sent beside them (rule 5).
"""

from __future__ import annotations

from cloudstack import Gateway
from database.statements import Prepared
from jobs.models import Question

_LEFT = Prepared(
    lambda vm_id: (
        Question.objects.filter(job__vm=vm_id, kind="foreign_job_id", answer="leave").order_by("pk").values_list("seen")
    )
)


def left_at_work(vm_id: int, gateway: Gateway) -> list[str]:
    """Say of each such call for the VM (by its key) that has not ended which it is; raises CloudError."""
    given = [str(seen["given"]) for (seen,) in _LEFT.values(vm_id=vm_id)]
    jobs = [(async_job_id, gateway.async_job(async_job_id)) for async_job_id in given]
    return [
        f"CloudStack's async job {async_job_id}, which was left, has not ended yet."
        for async_job_id, async_job in jobs
        if async_job is not None and async_job.status == "pending"
    ]
