"""This will route requests to the apps' views; ids in paths are closed to everything an id cannot be."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

from debugtools.api.views import EndpointsViewSet, HealthViewSet, InternalsViewSet, LogsViewSet
from debugtools.dashboard import health_view, work_view
from debugtools.metrics.view import MetricsView
from debugtools.probes import AliveView, ReadyView
from failover_project.api.authentication import METRICS_AUTHENTICATION
from failover_project.api.idempotency import answered_once
from failover_project.api.roles import role_in_words
from jobs.api.database_views import DatabaseViewSet
from jobs.api.start_views import BulkFailoverViewSet, LiveFailoverViewSet, TestFailoverViewSet
from jobs.api.verb_views import VerbViewSet
from jobs.api.views import FailoverJobViewSet
from jobs.open_failovers import open_failovers_of, target_vms_of
from jobs.snapshot_sets import older_points_of
from networks.api.views import NetworkMappingViewSet
from validation.api.views import ReadinessViewSet, VMStatusViewSet


class Identifier:
    """This will match ids of VMs and jobs."""

    regex = r"[A-Za-z0-9_.:-]{1,200}"

    def to_python(self, value: str) -> str:
        """Give the id as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Give the id as it is."""
        return value


register_converter(Identifier, "identifier")

known_of_jobs: dict[str, Any] = {
    "open_failovers": open_failovers_of,
    "target_vms": target_vms_of,
    "older_points": older_points_of,
}
readiness = ReadinessViewSet.as_view({"get": "retrieve"}, **known_of_jobs)
vm_routes: list[URLPattern | URLResolver] = [
    path("failover-readiness", readiness, name="vm-failover-readiness"),
    *(
        path(
            name,
            VMStatusViewSet.as_view({"get": name.replace("-", "_")}, **known_of_jobs),
            name=f"vm-{name}",
        )
        for name in ("sync-status", "network-mapping-status", "volume-status", "active-jobs", "configuration-check")
    ),
]

api_v1: list[URLPattern | URLResolver] = [
    path("failover/live", LiveFailoverViewSet.as_view({"post": "create"}), name="failover-live"),
    path("failover/test", TestFailoverViewSet.as_view({"post": "create"}), name="failover-test"),
    path(
        "failover/test/<identifier:job_id>",
        TestFailoverViewSet.as_view({"delete": "destroy"}),
        name="failover-test-job",
    ),
    path("failover/bulk", BulkFailoverViewSet.as_view({"post": "create"}), name="failover-bulk"),
    path("failover/jobs", FailoverJobViewSet.as_view({"get": "list"}), name="failover-jobs"),
    path("failover/<identifier:job_id>/status", FailoverJobViewSet.as_view({"get": "status"}), name="failover-status"),
    path("failover/<identifier:job_id>/steps", FailoverJobViewSet.as_view({"get": "steps"}), name="failover-steps"),
    path("failover/<identifier:job_id>/events", FailoverJobViewSet.as_view({"get": "events"}), name="failover-events"),
    path("failover/<identifier:job_id>/cancel", FailoverJobViewSet.as_view({"post": "cancel"}), name="failover-cancel"),
    path("failover/<identifier:job_id>/rollback", VerbViewSet.as_view({"post": "rollback"}), name="failover-rollback"),
    path("failover/<identifier:job_id>/commit", VerbViewSet.as_view({"post": "commit"}), name="failover-commit"),
    path("failover/<identifier:job_id>/extend", VerbViewSet.as_view({"post": "extend"}), name="failover-extend"),
    path("failover/<identifier:job_id>/retry", VerbViewSet.as_view({"post": "retry"}), name="failover-retry"),
    path("failover/<identifier:job_id>/answer", FailoverJobViewSet.as_view({"post": "answer"}), name="failover-answer"),
    path("failover/<identifier:vm_id>/readiness", readiness, name="failover-readiness"),
    path("vms/<identifier:vm_id>/", include(vm_routes)),
    path(
        "network-mappings",
        NetworkMappingViewSet.as_view({"get": "list", "post": "create"}),
        name="network-mappings",
    ),
    path(
        "network-mappings/<identifier:vm_id>",
        NetworkMappingViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="network-mappings-of-vm",
    ),
    path(
        # A source network's name may hold anything, slashes too.
        "network-mappings/<identifier:vm_id>/<path:source_network_name>",
        NetworkMappingViewSet.as_view({"delete": "destroy_one"}),
        name="network-mapping-of-source",
    ),
    path("inventory/", include("inventory.api.urls")),
    path("debug/health", HealthViewSet.as_view({"get": "retrieve"}), name="debug-health"),
    path("debug/failover-jobs", InternalsViewSet.as_view({"get": "list"}), name="debug-failover-jobs"),
    path(
        "debug/endpoints",
        EndpointsViewSet.as_view({"get": "list"}, role_of=role_in_words),
        name="debug-endpoints",
    ),
    path(
        "debug/database",
        DatabaseViewSet.as_view({"get": "retrieve", "post": "confirm"}),
        name="debug-database",
    ),
    path("debug/logs", LogsViewSet.as_view({"get": "list"}), name="debug-logs"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/overview/jobs/", admin.site.admin_view(work_view), name="console-work"),
    path("admin/overview/health/", admin.site.admin_view(health_view), name="console-health"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(answered_once(api_v1))),
    path("swagger/index.html", SpectacularSwaggerView.as_view(url_name="schema"), name="swagger"),
    path("redoc/", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
    path("healthz", AliveView.as_view(), name="healthz"),
    path("metrics", MetricsView.as_view(authentication_classes=METRICS_AUTHENTICATION), name="metrics"),
    path("readyz", ReadyView.as_view(), name="readyz"),
]

handler400 = "failover_project.api.fallbacks.bad_request"
handler403 = "failover_project.api.fallbacks.permission_denied"
handler404 = "failover_project.api.fallbacks.page_not_found"
handler500 = "failover_project.api.fallbacks.server_error"
