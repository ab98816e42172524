from django.db import migrations, models

BECAUSE = 'Nobody was there to send it when it was due.'


def set_state(apps, schema_editor):
    letters = apps.get_model('reports', 'Letter').objects
    letters.filter(state='skipped', error=BECAUSE).update(state='missed')


def unset_state(apps, schema_editor):
    apps.get_model('reports', 'Letter').objects.filter(state='missed').update(state='skipped', error=BECAUSE)


class Migration(migrations.Migration):

    dependencies = [
        ('reports', '0006_name_the_day_of_a_review'),
    ]

    operations = [
        migrations.AlterField(
            model_name='letter',
            name='state',
            field=models.CharField(choices=[('due', 'due'), ('started', 'started'), ('sent', 'sent'), ('refused', 'refused'), ('unknown', 'unknown'), ('skipped', 'skipped'), ('missed', 'missed')], default='due', max_length=8),
        ),
        migrations.RunPython(set_state, unset_state),
    ]
