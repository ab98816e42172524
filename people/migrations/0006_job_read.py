from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0005_job")]

    operations = [
        migrations.AddField(model_name="job", name="read_at", field=models.DateTimeField(blank=True, null=True)),
    ]
