"""This will describe the clouds that VMs fail over to and the appliances there that hold their replicas."""

from __future__ import annotations

import uuid

from django.db import models

from inventory.models.stamped import Stamped, one_of
from inventory.secrets import seal, unseal


class TestStrategy(models.TextChoices):
    """This will say how tests get their copies: as the cloud allows, or one way only."""

    AUTO = "auto", "as the cloud allows"
    CLONE = "clone", "snapshots of the attached replicas; no fallback"
    DETACHED_CLONE = "detached_clone", "snapshots of detached replicas"


class TargetCloud(Stamped):
    """This will hold how one CloudStack zone is reached, what is deployed there by default, and what was probed of it.

    The two keys are read and set through the properties `api_key` and `secret_key`; the columns hold sealed values.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    endpoint = models.URLField(max_length=500)
    api_key_sealed = models.TextField(editable=False)
    secret_key_sealed = models.TextField(editable=False)
    zone_id = models.CharField(max_length=36)
    default_offering_id = models.CharField(max_length=36)
    placeholder_template_id = models.CharField(max_length=36)
    test_strategy = models.CharField(max_length=20, choices=TestStrategy, default=TestStrategy.AUTO)
    ca_file = models.CharField(max_length=500, blank=True)
    most_running = models.PositiveIntegerField(
        null=True, blank=True, help_text="so many failovers run on it at once, the others queue; empty: any number"
    )

    version = models.CharField(max_length=100, blank=True, editable=False)
    customjobid_honoured = models.BooleanField(null=True, editable=False)
    clock_skew_seconds = models.FloatField(null=True, editable=False)
    running_snapshots_allowed = models.BooleanField(null=True, editable=False)
    expunge_allowed = models.BooleanField(null=True, editable=False)
    probed_at = models.DateTimeField(null=True, editable=False)
    probe_error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            one_of("test_strategy", TestStrategy, name="cloud_test_strategy_known"),
            models.CheckConstraint(condition=~models.Q(most_running=0), name="cloud_runs_something"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def api_key(self) -> str:
        """This will open the API key; SecretUnreadable when it was sealed with another key."""
        return unseal(self.api_key_sealed, table="targetcloud", row=self.uuid, field="api_key")

    @api_key.setter
    def api_key(self, text: str) -> None:
        self.api_key_sealed = seal(text, table="targetcloud", row=self.uuid, field="api_key")

    @property
    def secret_key(self) -> str:
        """This will open the secret key; SecretUnreadable when it was sealed with another key."""
        return unseal(self.secret_key_sealed, table="targetcloud", row=self.uuid, field="secret_key")

    @secret_key.setter
    def secret_key(self, text: str) -> None:
        self.secret_key_sealed = seal(text, table="targetcloud", row=self.uuid, field="secret_key")


class HoldMethod(models.TextChoices):
    """This will say how replication is told to wait while the disks of a VM are switched or cut."""

    HOOK = "hook", "signed HTTP hook"
    MANUAL = "manual", "an operator's recorded word"
    NONE = "none", "nothing to hold: no handle is kept between runs"


class Appliance(Stamped):
    """This will name the running VM in the cloud whose replication engine writes the replicas."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cloud = models.ForeignKey(TargetCloud, on_delete=models.PROTECT, related_name="appliances")
    name = models.CharField(max_length=100)
    virtual_machine_id = models.CharField(max_length=36)
    hold_method = models.CharField(max_length=10, choices=HoldMethod, default=HoldMethod.NONE)
    hook_url = models.URLField(max_length=500, blank=True)
    hook_secret_sealed = models.TextField(blank=True, editable=False)
    most_running = models.PositiveIntegerField(
        null=True, blank=True, help_text="so many failovers of its VMs run at once, the others queue; empty: any number"
    )

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("cloud", "name"), name="appliance_name_once_per_cloud"),
            models.UniqueConstraint(fields=("cloud", "virtual_machine_id"), name="appliance_vm_once_per_cloud"),
            one_of("hold_method", HoldMethod, name="appliance_hold_method_known"),
            models.CheckConstraint(
                condition=~models.Q(hold_method=HoldMethod.HOOK) | ~models.Q(hook_url=""),
                name="appliance_hook_has_url",
            ),
            models.CheckConstraint(condition=~models.Q(most_running=0), name="appliance_runs_something"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def hook_secret(self) -> str:
        """This will open the secret that signs calls of the hook; empty when there is none."""
        return unseal(self.hook_secret_sealed, table="appliance", row=self.uuid, field="hook_secret")

    @hook_secret.setter
    def hook_secret(self, text: str) -> None:
        self.hook_secret_sealed = seal(text, table="appliance", row=self.uuid, field="hook_secret")
