"""An index of jobs by how they ended, for the list that is filtered so; a job that goes on is not in it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0016_way_back_index")]

    operations = [
        migrations.AddIndex(
            model_name="failoverjob",
            index=models.Index(
                condition=models.Q(("outcome__isnull", False)),
                fields=["outcome", "-created_at", "-id"],
                name="job_newest_of_outcome",
            ),
        ),
    ]
