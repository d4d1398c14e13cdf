"""This will show that credentials are sealed at rest and open only where they were sealed."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from inventory.models import TargetCloud
from inventory.secrets import SecretUnreadable, seal, unseal
from inventory.services import import_inventory
from tests.inventory import documents as doc

ROW = uuid.UUID("00000000-0000-4000-8000-000000000001")


def sealed(text: str = "canary") -> str:
    return seal(text, table="targetcloud", row=ROW, field="api_key")


def test_what_was_sealed_opens_in_its_place() -> None:
    assert "canary" not in sealed()
    assert unseal(sealed(), table="targetcloud", row=ROW, field="api_key") == "canary"


def test_the_same_text_is_never_sealed_alike() -> None:
    assert sealed() != sealed()


@pytest.mark.parametrize(
    ("table", "row", "field"),
    [
        ("appliance", ROW, "api_key"),
        ("targetcloud", uuid.UUID(int=2), "api_key"),
        ("targetcloud", ROW, "secret_key"),
    ],
)
def test_a_value_copied_elsewhere_does_not_open(table: str, row: uuid.UUID, field: str) -> None:
    with pytest.raises(SecretUnreadable, match="copied from elsewhere"):
        unseal(sealed(), table=table, row=row, field=field)


@pytest.mark.parametrize("damage", [lambda s: s[:-6] + "AAAA==", lambda s: s + "!", lambda s: s.split(":")[0] + ":"])
def test_a_damaged_value_does_not_open(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SecretUnreadable):
        unseal(damage(sealed()), table="targetcloud", row=ROW, field="api_key")


def test_another_key_is_named_and_what_to_do(settings: Settings) -> None:
    text = sealed()
    settings.FIELD_KEY = "another key that is long enough to be one"
    with pytest.raises(SecretUnreadable, match="set FIELD_KEY to the key it was sealed with"):
        unseal(text, table="targetcloud", row=ROW, field="api_key")


def test_a_short_key_is_refused(settings: Settings) -> None:
    settings.FIELD_KEY = "short"
    with pytest.raises(ImproperlyConfigured, match="FIELD_KEY has 5 characters"):
        sealed()


@pytest.mark.django_db
def test_a_cloud_made_by_its_properties_is_stored_sealed() -> None:
    cloud = TargetCloud(name="north", endpoint="https://x/")
    cloud.api_key = cloud.secret_key = "canary"
    cloud.save()
    assert "canary" not in str(TargetCloud.objects.values().get())
    assert TargetCloud.objects.get().api_key == "canary"


@pytest.mark.django_db
def test_a_credential_of_a_lost_key_is_repaired_by_importing_it_again(settings: Settings) -> None:
    import_inventory(document=doc.inventory(), source="test")
    settings.FIELD_KEY = "another key that is long enough to be one"

    report = import_inventory(document=doc.inventory(), source="test")

    assert report.changed == ["cloud north"]
    assert TargetCloud.objects.get().secret_key == "secret-key-canary"
