"""This will show that the admin opens every list, and that credentials go in and never come out."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inventory.models import ProtectedVM, TargetCloud
from inventory.services import import_inventory
from tests.inventory import documents as doc

MODELS = (
    "targetcloud",
    "appliance",
    "protectedvm",
    "vmdisk",
    "vmnic",
    "replicavolume",
    "replication",
    "vmreservation",
)


@pytest.fixture
def admin(db: None, client: Client) -> Client:
    import_inventory(document=doc.inventory(), source="test")
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_searches(admin: Client, model: str) -> None:
    answer = admin.get(reverse(f"admin:inventory_{model}_changelist"), {"q": "x"})
    assert answer.status_code == 200


def test_the_form_of_a_cloud_shows_no_credential(admin: Client) -> None:
    answer = admin.get(reverse("admin:inventory_targetcloud_change", args=[TargetCloud.objects.get().pk]))
    assert answer.status_code == 200
    assert b"canary" not in answer.content
    assert TargetCloud.objects.get().api_key_sealed.encode() not in answer.content


def test_a_credential_is_replaced_when_typed_and_kept_when_not(admin: Client) -> None:
    cloud = TargetCloud.objects.get()
    names = ("name", "endpoint", "zone_id", "default_offering_id", "placeholder_template_id", "test_strategy")
    form = {name: getattr(cloud, name) for name in names}

    answer = admin.post(
        reverse("admin:inventory_targetcloud_change", args=[cloud.pk]), {**form, "api_key": "typed", "secret_key": ""}
    )

    assert answer.status_code == 302
    cloud = TargetCloud.objects.get()
    assert (cloud.api_key, cloud.secret_key) == ("typed", "secret-key-canary")


def test_a_choice_of_the_target_made_in_the_admin_survives_an_import(admin: Client) -> None:
    vm = ProtectedVM.objects.get()
    address = reverse("admin:inventory_protectedvm_change", args=[vm.pk])

    answer = admin.post(address, {"target_os_type": "Windows Server 2019 (64-bit)", "cpus": "64"})
    import_inventory(document=doc.inventory(), source="test")

    assert answer.status_code == 302
    vm.refresh_from_db()
    assert (vm.target_os_type, vm.cpus) == ("Windows Server 2019 (64-bit)", 2)


@pytest.mark.parametrize("model", ["replicavolume", "vmreservation", "vmdisk"])
def test_what_the_service_writes_cannot_be_added_by_hand(admin: Client, model: str) -> None:
    assert admin.get(reverse(f"admin:inventory_{model}_add")).status_code == 403
