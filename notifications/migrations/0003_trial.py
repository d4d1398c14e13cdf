"""The event of a webhook that is tried out."""

from __future__ import annotations

from django.db import migrations, models

EVENTS = [
    ("started", "a worker took the job"),
    ("running", "the test VM was seen running"),
    ("question", "the job waits for an operator's answer"),
    ("overdue", "the test's time is over and nothing was cleaned up"),
    ("finished", "the job ended; its outcome says how"),
    ("cleanup_done", "the cleanup that ended the job is done"),
    ("drift", "a cloud differs from what inventory and journal say, and did not before"),
    ("trial", "somebody tries the webhook out"),
]


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_drift")]

    operations = [
        migrations.RemoveConstraint(model_name="notification", name="notification_event_known"),
        migrations.AlterField(
            model_name="notification", name="event", field=models.CharField(choices=EVENTS, max_length=20)
        ),
        migrations.AlterField(
            model_name="notification",
            name="subject",
            field=models.CharField(help_text="public id of the job, or the cloud, or the webhook", max_length=200),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(("event__in", [event for event, _ in EVENTS])), name="notification_event_known"
            ),
        ),
    ]
