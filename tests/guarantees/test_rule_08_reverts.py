"""Rule 8: a reverted replica is unverified, keeps its snapshot, and is not failed over from unseen."""

from __future__ import annotations

import pytest

from inventory.models import HoldMethod, ReplicaState, ReplicaVolume
from tests.support.scenes import scene
from tests.support.telling import carry_on
from validation.errors import NotReady

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("skip_validation", [False, True])
def test_a_reverted_replica_is_unverified_and_no_failover_starts_from_it(skip_validation: bool) -> None:
    stage = scene(hold_method=HoldMethod.HOOK)
    job = stage.service.start_test("vm-two", custom_config={"test_strategy": "boot_and_revert"})
    carry_on(stage)
    stage.service.clean_up(job)
    carry_on(stage)

    replicas = ReplicaVolume.objects.filter(disk__vm=job.vm)
    assert set(replicas.values_list("state", flat=True)) == {ReplicaState.UNVERIFIED}
    kept = {point.volume_id for point in stage.simulator.snapshots() if point.name.startswith(job.marker)}
    assert kept == set(replicas.values_list("volume_id", flat=True))
    for start in (stage.service.start_live, stage.service.start_test):
        with pytest.raises(NotReady):
            start("vm-two", skip_validation=skip_validation)
