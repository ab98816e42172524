from django.db import migrations


class Migration(migrations.Migration):
    """The views of ``history.past`` are made after each migration; this one only has it happen where none else is due."""

    dependencies = [("history", "0002_change_set")]

    operations: list[migrations.operations.base.Operation] = []
