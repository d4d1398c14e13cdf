"""An index of the live failovers that may be rolled back: the overview of the console lists them every few seconds."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0015_wait_limit")]

    operations = [
        migrations.AddIndex(
            model_name="failoverjob",
            index=models.Index(
                condition=models.Q(("job_type", "live"), ("outcome", "succeeded")),
                fields=["-completed_at"],
                name="job_way_back",
            ),
        ),
    ]
