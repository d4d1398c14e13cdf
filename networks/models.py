"""This will hold which target network, MAC and address each NIC of a protected VM gets, live and test apart."""

from __future__ import annotations

from typing import Any

from django.db import models

from inventory.models import ProtectedVM


class Purpose(models.TextChoices):
    """What a failover is for; decides which mappings count."""

    LIVE = "live", "Live"
    TEST = "test", "Test"

    @property
    def is_test(self) -> bool:
        """Say whether this is the purpose of test failovers."""
        return self is Purpose.TEST


class NetworkDesignation(models.Model):
    """This will record what a target network is for; its unique key keeps tests off production networks.

    A network has one row for as long as a mapping names it, or for good where an operator has pinned its purpose. Two
    requests that claim one network for both purposes at the same moment meet at the unique key, not at a check that
    both passed. The key leaves the cloud out: two entries of one CloudStack (two zones, two accounts) see the same
    networks under the same ids.
    """

    network_id = models.CharField(max_length=200, unique=True, help_text="Lower case.")
    is_test_network = models.BooleanField()
    is_pinned = models.BooleanField(default=False, help_text="Set by an operator: it stays without any mapping.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~models.Q(network_id=""), name="networks_designation_names_a_network"),
        )

    def __str__(self) -> str:
        return f"{self.network_id} ({'test' if self.is_test_network else 'live'})"


class NetworkMapping(models.Model):
    """This will map one source network of a VM (or one NIC of it, by MAC) to a target network, for one purpose."""

    vm = models.ForeignKey(ProtectedVM, on_delete=models.CASCADE, related_name="network_mappings")
    source_network_name = models.CharField(max_length=255)
    source_mac = models.CharField(max_length=17, blank=True, default="", help_text="Blank: every NIC of the network.")
    destination_network_id = models.CharField(max_length=200)
    destination_network_name = models.CharField(max_length=255, blank=True, default="")
    is_test_network = models.BooleanField()
    keep_mac = models.BooleanField(default=False)
    fixed_ip = models.GenericIPAddressField(null=True, blank=True, default=None)
    designation = models.ForeignKey(
        NetworkDesignation, on_delete=models.PROTECT, related_name="mappings", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("vm_id", "source_network_name", "is_test_network", "source_mac")
        constraints = (
            models.UniqueConstraint(
                fields=["vm", "source_network_name", "is_test_network", "source_mac"],
                name="networks_one_mapping_per_source_and_purpose",
            ),
            models.CheckConstraint(
                condition=~models.Q(source_network_name="") & ~models.Q(destination_network_id=""),
                name="networks_mapping_names_both_ends",
            ),
        )

    def __str__(self) -> str:
        return f"{self.vm_id}: {self.source_network_name} → {self.destination_network_id} ({self.purpose})"

    @property
    def purpose(self) -> Purpose:
        """Give the purpose this mapping serves."""
        return Purpose.TEST if self.is_test_network else Purpose.LIVE

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the mapping under its network's designation; raises NetworkForbidden when that has the other purpose.

        Every door comes through here (services, admin, a shell), so none can put a test on a production network.
        """
        from networks.designations import designate

        self.designation = designate(network_id=self.destination_network_id, is_test_network=self.is_test_network)
        super().save(*args, **kwargs)
