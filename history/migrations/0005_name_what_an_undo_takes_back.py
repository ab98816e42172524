import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("history", "0004_find_changes_by_person"),
    ]

    operations = [
        migrations.AddField(
            model_name="changeset",
            name="undoes",
            field=models.OneToOneField(
                help_text="The act that it took back.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="history.changeset",
            ),
        ),
    ]
