"""Find what was made by an index, and let updates of moving jobs stay within their page."""

import django.db.models.fields.json
from django.db import migrations, models

# PostgreSQL keeps a changed row in its page, and its indexes as they are, while there is room in the page.
_ROOM = {"jobs_failoverjob": 70, "jobs_step": 70, "jobs_stepattempt": 70}


def leave_room(apps, schema_editor):
    """Let new pages of rows that are changed often be filled only in part."""
    if schema_editor.connection.vendor == "postgresql":
        for table, share in _ROOM.items():
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = {share})")


def fill_up(apps, schema_editor):
    """Let new pages be filled again."""
    if schema_editor.connection.vendor == "postgresql":
        for table in _ROOM:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_handed_over"),
        ("jobs", "0011_volume_maps"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="failoverjob",
            name="job_due",
        ),
        migrations.AddIndex(
            model_name="failoverjob",
            index=models.Index(
                condition=models.Q(("state", "finished"), _negated=True), fields=["id"], name="job_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("volume_id", "arguments"),
                condition=models.Q(
                    (
                        "command__in",
                        ("detach_from_appliance", "attach_to_appliance", "return_to_appliance", "take_snapshot"),
                    )
                ),
                name="step_of_replica",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("vm_id", "result"),
                condition=models.Q(("command", "deploy_target")),
                name="step_made_vm",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("root_volume_id", "result"),
                condition=models.Q(("command", "deploy_target")),
                name="step_made_root",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("volume_id", "result"),
                condition=models.Q(("command", "create_clone")),
                name="step_made_clone",
            ),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("snapshot_id", "result"),
                condition=models.Q(("command", "take_snapshot")),
                name="step_made_snapshot",
            ),
        ),
        migrations.RunPython(leave_room, fill_up),
    ]
