from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("history", "0003_as_of_views"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="changeset",
            index=models.Index(fields=["by_id", "id"], name="change_set_by"),
        ),
    ]
