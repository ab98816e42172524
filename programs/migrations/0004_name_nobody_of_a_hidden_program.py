import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('programs', '0003_objective_start'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='by',
            field=models.ForeignKey(blank=True, help_text='Empty where the reader does not see the program of whoever answered.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        # On the way back: a notice of nobody cannot be kept.
        migrations.RunSQL(migrations.RunSQL.noop, "DELETE FROM programs_notice WHERE by_id IS NULL"),
    ]
