"""This will be the API's door to validation: parse, one service call, render."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from inventory.models import ProtectedVM
from networks.lookups import vm_by_id
from networks.models import Purpose
from validation.api.answers import (
    ActiveJobsAnswer,
    ConfigurationCheckAnswer,
    NetworkStatusAnswer,
    SyncStatusAnswer,
    VolumeStatusAnswer,
)
from validation.api.serializers import ReadinessAnswer, ReadinessQuery
from validation.doors import SYSTEM_CLOCK, reading_gateway
from validation.facts import Facts, OlderPoint, OpenFailover, Subject, gather
from validation.parts.configuration import actions_of, configuration
from validation.parts.sync import sync_status
from validation.parts.volumes import volume_status
from validation.parts.wiring import network_status
from validation.parts.work import active_jobs
from validation.rendering import readiness
from validation.services import check_configuration, validate

_BOTH = (Purpose.LIVE, Purpose.TEST)
_VM_ID = OpenApiParameter("vm_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="VMware VM identifier")


def _none_known(vm: ProtectedVM) -> Sequence[OpenFailover]:
    del vm
    return ()


def _none_made(vm: ProtectedVM) -> Mapping[str, str]:
    del vm
    return {}


def _none_cut(vm: ProtectedVM) -> Sequence[OlderPoint]:
    del vm
    return ()


class ValidationViewSet(ViewSet):
    """This will be the base of the doors: failovers belong to a higher app, whose rows the routes pass in."""

    open_failovers: Callable[[ProtectedVM], Sequence[OpenFailover]] = staticmethod(_none_known)
    target_vms: Callable[[ProtectedVM], Mapping[str, str]] = staticmethod(_none_made)
    older_points: Callable[[ProtectedVM], Sequence[OlderPoint]] = staticmethod(_none_cut)


class ReadinessViewSet(ValidationViewSet):
    """This will answer whether a VM may fail over now."""

    @extend_schema(
        parameters=[_VM_ID, ReadinessQuery],
        responses={200: ReadinessAnswer},
        description="Make every check of readiness for a live failover, or with `type=test` for a test. Whether the VM "
        "is ready or not, the answer is 200.",
    )
    def retrieve(self, request: Request, vm_id: str) -> Response:
        """Validate a VM's readiness for a failover."""
        parser = ReadinessQuery(data=request.query_params)
        parser.is_valid(raise_exception=True)
        vm = vm_by_id(vm_id)
        verdict = validate(
            vm=vm,
            purpose=Purpose(parser.validated_data["type"]),
            overrides={},
            gateway=reading_gateway(vm),
            clock=SYSTEM_CLOCK,
            open_failovers=self.open_failovers(vm),
            target_vms=self.target_vms(vm),
            older_points=self.older_points,
        )
        return Response(readiness(verdict))


class VMStatusViewSet(ValidationViewSet):
    """This will answer one question about a VM at a time."""

    @extend_schema(
        operation_id="vm_sync_status",
        parameters=[_VM_ID],
        responses={200: SyncStatusAnswer},
        description="Say whether every disk has a change id of a finished sync. The documented fields are the boot "
        "disk's; `disks` lists all. The cloud is not asked.",
    )
    def sync_status(self, request: Request, vm_id: str) -> Response:
        """Check a VM's sync status and change ids."""
        del request
        (facts,) = self._facts(vm_by_id(vm_id), purposes=(Purpose.LIVE,))
        return _of_vm(vm_id, "VM sync status retrieved", sync_status=sync_status(facts))

    @extend_schema(
        operation_id="vm_network_mapping_status",
        parameters=[_VM_ID],
        responses={200: NetworkStatusAnswer},
        description="Say which source networks are mapped. The counts are those of live failovers; `live` and `test` "
        "show each side by itself. The cloud is not asked: readiness says whether the target networks exist.",
    )
    def network_mapping_status(self, request: Request, vm_id: str) -> Response:
        """Validate a VM's network mappings."""
        del request
        live, test = self._facts(vm_by_id(vm_id), purposes=_BOTH)
        return _of_vm(vm_id, "Network mapping status retrieved", network_status=network_status(live=live, test=test))

    @extend_schema(
        operation_id="vm_volume_status",
        parameters=[_VM_ID],
        responses={200: VolumeStatusAnswer},
        description="Read the replica volumes from the cloud. The documented fields are the boot disk's; `volumes` "
        "lists all. 503 when the cloud is not configured or does not answer.",
    )
    def volume_status(self, request: Request, vm_id: str) -> Response:
        """Validate the availability of a VM's replica volumes."""
        del request
        (facts,) = self._facts(vm_by_id(vm_id), purposes=(Purpose.LIVE,), from_cloud=("volumes",))
        return _of_vm(vm_id, "Volume status retrieved", volume_status=volume_status(facts))

    @extend_schema(
        operation_id="vm_active_jobs",
        parameters=[_VM_ID],
        responses={200: ActiveJobsAnswer},
        description="List the replications under way and the failovers that have not ended. A test in its window is "
        "listed; it is in the way of another test only.",
    )
    def active_jobs(self, request: Request, vm_id: str) -> Response:
        """Check for jobs that work on a VM."""
        del request
        live, test = self._facts(vm_by_id(vm_id), purposes=_BOTH)
        return _of_vm(vm_id, "Active jobs status retrieved", active_jobs=active_jobs(live=live, test=test))

    @extend_schema(
        operation_id="vm_configuration_check",
        parameters=[_VM_ID],
        responses={200: ConfigurationCheckAnswer},
        description="Make every check for a live failover and for a test, on one reading of the cloud, and say per "
        "area how it is and what to do. A cloud that does not answer is a finding, not an error.",
    )
    def configuration_check(self, request: Request, vm_id: str) -> Response:
        """Validate the whole configuration of a VM."""
        del request
        vm = vm_by_id(vm_id)
        verdicts = check_configuration(
            vm=vm,
            gateway=reading_gateway(vm),
            clock=SYSTEM_CLOCK,
            open_failovers=self.open_failovers(vm),
            target_vms=self.target_vms(vm),
        )
        return _of_vm(
            vm_id,
            "VM configuration check completed",
            configuration_check=configuration(verdicts),
            required_actions=actions_of(verdicts),
        )

    def _facts(
        self, vm: ProtectedVM, *, purposes: Sequence[Purpose], from_cloud: Collection[str] = ()
    ) -> tuple[Facts, ...]:
        subject = Subject(
            vm=vm, purposes=purposes, open_failovers=self.open_failovers(vm), target_vms=self.target_vms(vm)
        )
        reads = reading_gateway(vm) if from_cloud else None
        return gather(subject, reads=reads, clock=SYSTEM_CLOCK, from_cloud=from_cloud)


def _of_vm(vm_id: str, message: str, **parts: Any) -> Response:
    return Response({"message": message, "vm_id": vm_id, **parts})
