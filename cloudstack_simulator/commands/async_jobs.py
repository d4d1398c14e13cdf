"""This will tell about asynchronous jobs: one by its id, or all that are unfinished."""

from __future__ import annotations

from cloudstack_simulator.answers import ApiError, invalid_value, stamp
from cloudstack_simulator.cloud import Cloud, Request, required
from cloudstack_simulator.commands.descriptions import describe_account
from cloudstack_simulator.commands.lists import Listing
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import AsyncJob, Json

JOB_EXPIRES_AFTER = 86_400.0


def query_job(cloud: Cloud, request: Request, commands: dict[str, AsyncCommand]) -> Json:
    """This will tell how a job stands; a job long finished is as unknown as one that never was."""
    key = required(request, "jobid")
    job = cloud.world.jobs.get(key.lower())
    if job is None or (job.completed is not None and job.completed + JOB_EXPIRES_AFTER < cloud.now):
        raise invalid_value(request.command, "jobid", key)
    if not request.caller.root_admin and job.account != request.caller.name:
        raise ApiError(
            531,
            f"Account Account [{describe_account(request.caller)}] is not authorized to see job id={job.number}",
            inner=4365,
        )
    return _shown(cloud, job, commands[job.command])


def list_jobs(cloud: Cloud, request: Request, commands: dict[str, AsyncCommand]) -> Listing:
    """This will list the unfinished jobs that the caller may see; finished ones are never listed."""
    jobs = [cloud.world.jobs[key] for key in cloud.world.unfinished]
    everybody = request.caller.root_admin and request.flag("listall")
    mine = [job for job in jobs if everybody or job.account == request.caller.name]
    keyword = request.params.get("keyword", "").lower()
    wanted = [job for job in mine if keyword in class_of(cloud, job, commands).lower()] if keyword else mine
    return Listing("asyncjobs", wanted, lambda job: _shown(cloud, job, commands[job.command]))


def class_of(cloud: Cloud, job: AsyncJob, commands: dict[str, AsyncCommand]) -> str:
    """This will name the class that CloudStack shows as a job's command; root admins' calls have their own."""
    command = commands[job.command]
    return command.admin_class if cloud.world.account_named(job.account).root_admin else command.user_class


def _is_swept(cloud: Cloud, job: AsyncJob) -> bool:
    """This will tell whether what a job was about has been swept out of the database."""
    machine_snapshot = cloud.world.machine_snapshots.get(job.instance_id or "")
    if machine_snapshot is not None:
        return machine_snapshot.removed
    snapshot = cloud.world.snapshots.get(job.instance_id or "")
    return snapshot is not None and snapshot.removed and snapshot.state == "Error"


def _shown(cloud: Cloud, job: AsyncJob, command: AsyncCommand) -> Json:
    account = cloud.world.account_named(job.account)
    shown: Json = {"accountid": account.id, "account": account.name}
    shown |= {"domainid": cloud.catalogue.domain_id, "domainpath": "ROOT", "userid": account.user_id}
    shown["cmd"] = command.admin_class if account.root_admin else command.user_class
    shown |= {"jobprocstatus": 0, "jobresultcode": job.result_code}
    if job.result is not None:
        shown |= {"jobresulttype": "object", "jobresult": job.result}
    if command.instance_type is not None and job.instance_id is not None:
        shown["jobinstancetype"] = command.instance_type
        if not _is_swept(cloud, job):
            shown["jobinstanceid"] = job.instance_id
    if job.result is None:
        # the server that has or had the job; a job cut off by a restart keeps it
        places = cloud.catalogue.places
        shown |= {"managementserverid": places["managementserverid"], "managementservername": "localhost"}
    shown["created"] = stamp(job.created)
    if job.completed is not None:
        shown["completed"] = stamp(job.completed)
    return shown | {"jobid": job.id, "jobstatus": job.status}
