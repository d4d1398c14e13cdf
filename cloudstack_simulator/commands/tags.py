"""This will put tags on rows, take them off and list them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cloudstack_simulator.answers import ApiError, JobError, invalid_value
from cloudstack_simulator.cloud import Cloud, Request, demand_access, required
from cloudstack_simulator.jobs import AsyncCommand
from cloudstack_simulator.records import AsyncJob, Json, Machine, Snapshot, Tags, Volume
from cloudstack_simulator.rendering import render_tags

_TAG = re.compile(r"tags\[(\d+)\]\.(key|value)", re.IGNORECASE)


def tags_of(params: Mapping[str, str]) -> Tags:
    """This will read the tags[n].key and tags[n].value parameters of a call."""
    found: dict[int, dict[str, str]] = {}
    for name, text in params.items():
        if match := _TAG.fullmatch(name):
            found.setdefault(int(match[1]), {})[match[2].lower()] = text
    return [found[number] for number in sorted(found)]


def _rows(cloud: Cloud, kind: str) -> Mapping[str, Volume | Machine | Snapshot]:
    match kind.lower():
        case "uservm":
            return cloud.world.machines
        case "volume":
            return cloud.world.volumes
        case "snapshot":
            return cloud.world.snapshots
        case _:
            raise ApiError(431, f"Invalid resource type: {kind}", inner=4350)


class TagCommand(AsyncCommand):
    """This will be a command on the tags of several rows."""

    factor = 0.1

    def accept(self, request: Request) -> str | None:
        """This will refuse unknown rows and what the caller may not touch."""
        rows = _rows(self.cloud, required(request, "resourcetype"))
        required(request, "resourceids")
        for key in request.ids("resourceids"):
            if key not in rows or rows[key].removed:
                raise invalid_value(request.command, "resourceids", key)
            demand_access(request.caller, rows[key])
        if any(tag.get("value") == "" for tag in tags_of(request.params)):
            raise ApiError(431, "Value for the key can't be empty", inner=4350)
        return None

    def rows(self, job: AsyncJob) -> Iterable[Volume | Machine | Snapshot]:
        """This will find the rows that the job is about."""
        rows = _rows(self.cloud, job.params["resourcetype"])
        return [rows[key] for key in job.params["resourceids"].split(",") if key]


class CreateTags(TagCommand):
    """This will add tags; a key that a row has already fails the job."""

    name = "createTags"
    admin_class = "org.apache.cloudstack.api.command.user.tag.CreateTagsCmd"
    user_class = admin_class

    def finish(self, job: AsyncJob) -> Json:
        """This will add the tags to every row, or to none."""
        fresh = tags_of(job.params)
        for row in self.rows(job):
            for key in {tag["key"] for tag in row.tags} & {tag["key"] for tag in fresh}:
                raise JobError(530, f"tag {key} already on {job.params['resourcetype']} with id {row.id}")
        for row in self.rows(job):
            row.tags = [*row.tags, *fresh]
        return {"success": True}


class DeleteTags(TagCommand):
    """This will remove tags by key, or all of them."""

    name = "deleteTags"
    admin_class = "org.apache.cloudstack.api.command.user.tag.DeleteTagsCmd"
    user_class = admin_class

    def finish(self, job: AsyncJob) -> Json:
        """This will remove the tags from every row."""
        keys = {tag["key"] for tag in tags_of(job.params)}
        for row in self.rows(job):
            row.tags = [tag for tag in row.tags if keys and tag["key"] not in keys]
        return {"success": True}


def list_tags(cloud: Cloud, request: Request) -> list[Json]:
    """This will list tags by resource type, id, key and value."""
    params, found = request.params, []
    for kind in (params["resourcetype"],) if "resourcetype" in params else ("UserVm", "Volume", "Snapshot"):
        for row in _rows(cloud, kind).values():
            if not row.tags or row.removed or params.get("resourceid", row.id) != row.id:
                continue
            if not request.caller.root_admin and row.account != request.caller.name:
                continue
            found += render_tags(cloud, row.tags, kind=kind, row_id=row.id, account=row.account)
    return [
        tag | {"domainpath": "ROOT"}
        for tag in found
        if params.get("key", tag["key"]) == tag["key"] and params.get("value", tag["value"]) == tag["value"]
    ]
