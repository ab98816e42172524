from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def add_default(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("forecasts", "HealthPolicy").objects.get_or_create(version=1)


class Migration(migrations.Migration):
    dependencies = [("forecasts", "0002_run_calendars")]

    operations = [migrations.RunPython(add_default, migrations.RunPython.noop)]
