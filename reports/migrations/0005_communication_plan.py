import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import history.models
import people.models


def begin_weekly_letter(apps, schema_editor):
    """Everybody who has the weekly letter becomes a reader of its plan."""
    Plan = apps.get_model("reports", "Plan")
    if apps.get_model("reports", "Subscription").objects.exists() and not Plan.objects.filter(is_default=True).exists():
        Plan.objects.create(pk=1, name="Weekly portfolio letter", is_default=True)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('reports_plan', 'id'), 1)")
            # What is checked at the end would keep the tables from being altered before it.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):

    dependencies = [
        ('history', '0003_as_of_views'),
        ('people', '0004_search'),
        ('programs', '0003_objective_start'),
        ('reports', '0004_corrections_update_rules_and_reviews'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('name', models.CharField(max_length=120)),
                ('is_template', models.BooleanField(default=False, help_text='Every active program gets a plan like it.', verbose_name='template')),
                ('is_default', models.BooleanField(default=False, editable=False, help_text='The letter that anybody may get.')),
                ('content', models.CharField(choices=[('portfolio', 'All programs that the reader sees'), ('program', 'One program'), ('chosen', 'Chosen programs'), ('view', 'Programs of a saved view'), ('day', 'What waits for the reader today')], default='portfolio', max_length=9)),
                ('audience', models.CharField(choices=[('everyone', 'Everyone'), ('sponsor', 'Sponsor: headline, asks, exceptions'), ('partner', 'Partner team: the hand-offs it gives or gets'), ('team', 'Program team: everything')], default='everyone', max_length=8)),
                ('enrols', models.BooleanField(default=False, help_text="Sponsor, partner teams or the program's people, as they change. Each may still unsubscribe.", verbose_name='whoever belongs to the audience gets it')),
                ('length', models.CharField(choices=[('headline', 'Headline'), ('summary', 'Summary'), ('full', 'Full')], default='full', max_length=8)),
                ('without', models.CharField(blank=True, help_text='Sections left out, space-separated.', max_length=120)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('webhook', 'Webhook'), ('page', 'Page')], default='email', max_length=7)),
                ('rhythm', models.CharField(choices=[('weekly', 'Every week or every few weeks'), ('monthly', 'Every month, on its first such weekday')], default='weekly', max_length=7)),
                ('every_weeks', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(12)])),
                ('starts_on', models.DateField(blank=True, help_text='A day in the first week; weeks count from there.', null=True)),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], default=0)),
                ('hour', models.PositiveSmallIntegerField(default=7, validators=[django.core.validators.MaxValueValidator(23)])),
                ('zone', models.CharField(blank=True, help_text="Empty: each reader's own zone.", max_length=64, validators=[people.models.validate_zone])),
                ('paused_from', models.DateField(blank=True, null=True)),
                ('paused_until', models.DateField(blank=True, help_text='The last day without a letter.', null=True)),
                ('escalate_days', models.PositiveSmallIntegerField(default=7, help_text='An update this many days late is told to the sponsor, once.')),
                ('begins_at', models.DateTimeField(default=django.utils.timezone.now, help_text='Letters due from this moment on are promised.')),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'communication plan',
            },
        ),
        migrations.CreateModel(
            name='PlanEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('valid_to', models.DateTimeField(editable=False, null=True)),
                ('id', models.BigIntegerField()),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('name', models.CharField(max_length=120)),
                ('is_template', models.BooleanField(default=False, help_text='Every active program gets a plan like it.', verbose_name='template')),
                ('is_default', models.BooleanField(default=False, editable=False, help_text='The letter that anybody may get.')),
                ('content', models.CharField(choices=[('portfolio', 'All programs that the reader sees'), ('program', 'One program'), ('chosen', 'Chosen programs'), ('view', 'Programs of a saved view'), ('day', 'What waits for the reader today')], default='portfolio', max_length=9)),
                ('audience', models.CharField(choices=[('everyone', 'Everyone'), ('sponsor', 'Sponsor: headline, asks, exceptions'), ('partner', 'Partner team: the hand-offs it gives or gets'), ('team', 'Program team: everything')], default='everyone', max_length=8)),
                ('enrols', models.BooleanField(default=False, help_text="Sponsor, partner teams or the program's people, as they change. Each may still unsubscribe.", verbose_name='whoever belongs to the audience gets it')),
                ('length', models.CharField(choices=[('headline', 'Headline'), ('summary', 'Summary'), ('full', 'Full')], default='full', max_length=8)),
                ('without', models.CharField(blank=True, help_text='Sections left out, space-separated.', max_length=120)),
                ('channel', models.CharField(choices=[('email', 'E-mail'), ('webhook', 'Webhook'), ('page', 'Page')], default='email', max_length=7)),
                ('rhythm', models.CharField(choices=[('weekly', 'Every week or every few weeks'), ('monthly', 'Every month, on its first such weekday')], default='weekly', max_length=7)),
                ('every_weeks', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(12)])),
                ('starts_on', models.DateField(blank=True, help_text='A day in the first week; weeks count from there.', null=True)),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], default=0)),
                ('hour', models.PositiveSmallIntegerField(default=7, validators=[django.core.validators.MaxValueValidator(23)])),
                ('zone', models.CharField(blank=True, help_text="Empty: each reader's own zone.", max_length=64, validators=[people.models.validate_zone])),
                ('paused_from', models.DateField(blank=True, null=True)),
                ('paused_until', models.DateField(blank=True, help_text='The last day without a letter.', null=True)),
                ('escalate_days', models.PositiveSmallIntegerField(default=7, help_text='An update this many days late is told to the sponsor, once.')),
                ('begins_at', models.DateTimeField(default=django.utils.timezone.now, help_text='Letters due from this moment on are promised.')),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PlanProgram',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
        ),
        migrations.CreateModel(
            name='PlanProgramEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('valid_to', models.DateTimeField(editable=False, null=True)),
                ('id', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PlanTeam',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
        ),
        migrations.CreateModel(
            name='PlanTeamEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('valid_to', models.DateTimeField(editable=False, null=True)),
                ('id', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('owed', 'is due'), ('nudge', 'asked for'), ('escalation', 'is late')], max_length=10)),
                ('owed_on', models.DateField(help_text='The day by which the update is owed; of a nudge, its own day.')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='WebhookSecret',
            fields=[
                ('subscription', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='secret', serialize=False, to='reports.subscription')),
                ('secret', models.CharField(max_length=100)),
                ('made_at', models.DateTimeField()),
            ],
        ),
        migrations.AlterModelOptions(
            name='subscription',
            options={'verbose_name': 'reader'},
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='delete_delete',
        ),
        migrations.RemoveConstraint(
            model_name='letter',
            name='letter_once_a_week',
        ),
        migrations.RemoveConstraint(
            model_name='subscription',
            name='subscription_in_week',
        ),
        migrations.RenameField(
            model_name='letter',
            old_name='week',
            new_name='period',
        ),
        migrations.AddField(
            model_name='letter',
            name='claims',
            field=models.PositiveSmallIntegerField(default=0, help_text='How often a worker took it to write it.'),
        ),
        migrations.AddField(
            model_name='letter',
            name='facts',
            field=models.JSONField(help_text='What it was written from: every number with its record.', null=True),
        ),
        migrations.AlterField(
            model_name='letter',
            name='period',
            field=models.CharField(help_text='ISO week such as 2026-W47, a month or a day; an extra one has a suffix.', max_length=16),
        ),
        migrations.AddField(
            model_name='subscription',
            name='confirmed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='email',
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name='subscription',
            name='enrolled',
            field=models.BooleanField(default=False, editable=False, help_text='Came with a team or the audience.'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='granted_by',
            field=models.ForeignKey(blank=True, editable=False, help_text='Whoever let an outside reader in; the letter holds what they may share.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='subscription',
            name='left',
            field=models.BooleanField(default=False, editable=False, help_text="Unsubscribed by the reader's own act."),
        ),
        migrations.AddField(
            model_name='subscription',
            name='name',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='subscription',
            name='paused_until',
            field=models.DateField(blank=True, help_text='The last day without a letter.', null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='team',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='people.team'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='time_zone',
            field=models.CharField(blank=True, max_length=64, validators=[people.models.validate_zone]),
        ),
        migrations.AddField(
            model_name='subscription',
            name='url',
            field=models.URLField(blank=True, max_length=500, verbose_name='address'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='confirmed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='email',
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='enrolled',
            field=models.BooleanField(default=False, editable=False, help_text='Came with a team or the audience.'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='granted_by',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, help_text='Whoever let an outside reader in; the letter holds what they may share.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='left',
            field=models.BooleanField(default=False, editable=False, help_text="Unsubscribed by the reader's own act."),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='name',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='paused_until',
            field=models.DateField(blank=True, help_text='The last day without a letter.', null=True),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='team',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='people.team'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='time_zone',
            field=models.CharField(blank=True, max_length=64, validators=[people.models.validate_zone]),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='url',
            field=models.URLField(blank=True, max_length=500, verbose_name='address'),
        ),
        migrations.AlterField(
            model_name='letter',
            name='tries',
            field=models.PositiveSmallIntegerField(default=0, help_text='How often a server was asked to take it.'),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='hour',
            field=models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(23)]),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='weekday',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], null=True),
        ),
        migrations.AlterField(
            model_name='subscriptionevent',
            name='hour',
            field=models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MaxValueValidator(23)]),
        ),
        migrations.AlterField(
            model_name='subscriptionevent',
            name='user',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='subscriptionevent',
            name='weekday',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], null=True),
        ),
        migrations.AddIndex(
            model_name='letter',
            index=models.Index(fields=['-due_at'], name='letter_newest'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_subscriptionevent" ("begins_at", "confirmed_at", "email", "ended_at", "enrolled", "granted_by_id", "hour", "id", "left", "name", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id", "time_zone", "url", "user_id", "version", "weekday") VALUES (NEW."begins_at", NEW."confirmed_at", NEW."email", NEW."ended_at", NEW."enrolled", NEW."granted_by_id", NEW."hour", NEW."id", NEW."left", NEW."name", NEW."paused_until", public.history_now(), \'insert\', NEW."id", NEW."plan_id", NEW."team_id", NEW."time_zone", NEW."url", NEW."user_id", NEW."version", NEW."weekday"); RETURN NULL;', hash='27f8f97ed78404c2833be9df431e71849531c74d', operation='INSERT', pgid='pgtrigger_insert_insert_e77cb', table='reports_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "reports_subscriptionevent" ("begins_at", "confirmed_at", "email", "ended_at", "enrolled", "granted_by_id", "hour", "id", "left", "name", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id", "time_zone", "url", "user_id", "version", "weekday") VALUES (NEW."begins_at", NEW."confirmed_at", NEW."email", NEW."ended_at", NEW."enrolled", NEW."granted_by_id", NEW."hour", NEW."id", NEW."left", NEW."name", NEW."paused_until", public.history_now(), \'update\', NEW."id", NEW."plan_id", NEW."team_id", NEW."time_zone", NEW."url", NEW."user_id", NEW."version", NEW."weekday"); RETURN NULL;', hash='6940c5cf7a0e3457975ecb4e88fdfb3b85a582bd', operation='UPDATE', pgid='pgtrigger_update_update_0f226', table='reports_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_subscriptionevent" ("begins_at", "confirmed_at", "email", "ended_at", "enrolled", "granted_by_id", "hour", "id", "left", "name", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id", "time_zone", "url", "user_id", "version", "weekday") VALUES (OLD."begins_at", OLD."confirmed_at", OLD."email", OLD."ended_at", OLD."enrolled", OLD."granted_by_id", OLD."hour", OLD."id", OLD."left", OLD."name", OLD."paused_until", public.history_now(), \'delete\', OLD."id", OLD."plan_id", OLD."team_id", OLD."time_zone", OLD."url", OLD."user_id", OLD."version", OLD."weekday"); RETURN NULL;', hash='a0a86a05b29ec6730b6c541c5998b7198adda570', operation='DELETE', pgid='pgtrigger_delete_delete_302c2', table='reports_subscription', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='letter',
            constraint=models.UniqueConstraint(fields=('subscription', 'period'), name='letter_once_a_period'),
        ),
        migrations.AddField(
            model_name='plan',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='plans_owned', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='plan',
            name='program',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='plans', to='programs.program'),
        ),
        migrations.AddField(
            model_name='plan',
            name='template',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='made', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='plan',
            name='view',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='people.savedview'),
        ),
        migrations.AddField(
            model_name='planevent',
            name='change_set',
            field=models.ForeignKey(db_constraint=False, db_default=history.models.CurrentChangeSet(), editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='history.changeset'),
        ),
        migrations.AddField(
            model_name='planevent',
            name='owner',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='planevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planevent',
            name='program',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='programs.program'),
        ),
        migrations.AddField(
            model_name='planevent',
            name='template',
            field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planevent',
            name='view',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='people.savedview'),
        ),
        migrations.AddField(
            model_name='planprogram',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chosen', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planprogram',
            name='program',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='programs.program'),
        ),
        migrations.AddField(
            model_name='plan',
            name='programs',
            field=models.ManyToManyField(related_name='chosen_in', through='reports.PlanProgram', to='programs.program'),
        ),
        migrations.AddField(
            model_name='planprogramevent',
            name='change_set',
            field=models.ForeignKey(db_constraint=False, db_default=history.models.CurrentChangeSet(), editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='history.changeset'),
        ),
        migrations.AddField(
            model_name='planprogramevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='reports.planprogram'),
        ),
        migrations.AddField(
            model_name='planprogramevent',
            name='plan',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planprogramevent',
            name='program',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='programs.program'),
        ),
        migrations.AddField(
            model_name='planteam',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='team_links', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planteam',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.team'),
        ),
        migrations.AddField(
            model_name='plan',
            name='teams',
            field=models.ManyToManyField(related_name='plans', through='reports.PlanTeam', to='people.team'),
        ),
        migrations.AddField(
            model_name='planteamevent',
            name='change_set',
            field=models.ForeignKey(db_constraint=False, db_default=history.models.CurrentChangeSet(), editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='history.changeset'),
        ),
        migrations.AddField(
            model_name='planteamevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='reports.planteam'),
        ),
        migrations.AddField(
            model_name='planteamevent',
            name='plan',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='reports.plan'),
        ),
        migrations.AddField(
            model_name='planteamevent',
            name='team',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='people.team'),
        ),
        migrations.AddField(
            model_name='reminder',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='reminder',
            name='letter',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reminders', to='reports.letter'),
        ),
        migrations.AddField(
            model_name='reminder',
            name='program',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='programs.program'),
        ),
        migrations.AddField(
            model_name='reminder',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='planevent',
            index=models.Index(fields=['pgh_created_at'], name='reports_plan_at'),
        ),
        migrations.AddIndex(
            model_name='planevent',
            index=models.Index(fields=['program', 'valid_to'], name='reports_plan_p'),
        ),
        migrations.AddConstraint(
            model_name='planevent',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('pgh_obj',), name='reports_plan_open'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planevent',
            trigger=pgtrigger.compiler.Trigger(name='close_previous', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE closed_at timestamptz;', func="\n    UPDATE reports_planevent SET valid_to = GREATEST(NEW.pgh_created_at, pgh_created_at)\n        WHERE pgh_obj_id = NEW.pgh_obj_id AND valid_to IS NULL\n        RETURNING valid_to INTO closed_at;\n    NEW.pgh_created_at := COALESCE(closed_at, NEW.pgh_created_at);\n    IF NEW.pgh_label = 'delete' THEN NEW.valid_to := NEW.pgh_created_at; END IF;\n    \n    RETURN NEW;\n", hash='a4630f888ceadf51a3aa166237fa8d7648b044f5', operation='INSERT', pgid='pgtrigger_close_previous_54fb6', table='reports_planevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF TG_OP = 'UPDATE' AND OLD.valid_to IS NULL AND NEW.valid_to IS NOT NULL\n        AND to_jsonb(NEW) - 'valid_to' = to_jsonb(OLD) - 'valid_to' THEN\n        RETURN NEW;\n    END IF;\n    RAISE EXCEPTION 'History is append-only.';\n", hash='f830b0303bf4e1e401a78f48f9bfccafb03953b1', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_c741f', table='reports_planevent', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='planprogram',
            constraint=models.UniqueConstraint(fields=('plan', 'program'), name='plan_program_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planprogram',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planprogramevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "program_id") VALUES (NEW."id", public.history_now(), \'insert\', NEW."id", NEW."plan_id", NEW."program_id"); RETURN NULL;', hash='0cbad66b460c1ba69e64350edf6471ee05bad145', operation='INSERT', pgid='pgtrigger_insert_insert_f3bb6', table='reports_planprogram', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planprogram',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "reports_planprogramevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "program_id") VALUES (NEW."id", public.history_now(), \'update\', NEW."id", NEW."plan_id", NEW."program_id"); RETURN NULL;', hash='3f572d0e707dc7ea066976776b687700a8ba74a8', operation='UPDATE', pgid='pgtrigger_update_update_bea0e', table='reports_planprogram', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planprogram',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planprogramevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "program_id") VALUES (OLD."id", public.history_now(), \'delete\', OLD."id", OLD."plan_id", OLD."program_id"); RETURN NULL;', hash='e9fc52e819fc04ecbc12b86cac4c955ed59b29a8', operation='DELETE', pgid='pgtrigger_delete_delete_7d9ee', table='reports_planprogram', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='planprogramevent',
            index=models.Index(fields=['pgh_created_at'], name='reports_planprogram_at'),
        ),
        migrations.AddIndex(
            model_name='planprogramevent',
            index=models.Index(fields=['program', 'valid_to'], name='reports_planprogram_p'),
        ),
        migrations.AddConstraint(
            model_name='planprogramevent',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('pgh_obj',), name='reports_planprogram_open'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planprogramevent',
            trigger=pgtrigger.compiler.Trigger(name='close_previous', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE closed_at timestamptz;', func="\n    UPDATE reports_planprogramevent SET valid_to = GREATEST(NEW.pgh_created_at, pgh_created_at)\n        WHERE pgh_obj_id = NEW.pgh_obj_id AND valid_to IS NULL\n        RETURNING valid_to INTO closed_at;\n    NEW.pgh_created_at := COALESCE(closed_at, NEW.pgh_created_at);\n    IF NEW.pgh_label = 'delete' THEN NEW.valid_to := NEW.pgh_created_at; END IF;\n    \n    RETURN NEW;\n", hash='e3feda726920062b5455592bb0b9052501e97c85', operation='INSERT', pgid='pgtrigger_close_previous_7d5ed', table='reports_planprogramevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planprogramevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF TG_OP = 'UPDATE' AND OLD.valid_to IS NULL AND NEW.valid_to IS NOT NULL\n        AND to_jsonb(NEW) - 'valid_to' = to_jsonb(OLD) - 'valid_to' THEN\n        RETURN NEW;\n    END IF;\n    RAISE EXCEPTION 'History is append-only.';\n", hash='70c14caceb74e4c61f42eafcc0b49dea0701a1fb', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_d7f2e', table='reports_planprogramevent', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='planteam',
            constraint=models.UniqueConstraint(fields=('plan', 'team'), name='plan_team_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planteam',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planteamevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id") VALUES (NEW."id", public.history_now(), \'insert\', NEW."id", NEW."plan_id", NEW."team_id"); RETURN NULL;', hash='b9e25c64c0f640cfc72db69caac7b1dd3a0d1e1f', operation='INSERT', pgid='pgtrigger_insert_insert_bbf6f', table='reports_planteam', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planteam',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "reports_planteamevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id") VALUES (NEW."id", public.history_now(), \'update\', NEW."id", NEW."plan_id", NEW."team_id"); RETURN NULL;', hash='36af606ba408617438a4014e5c5bc8ec4de27937', operation='UPDATE', pgid='pgtrigger_update_update_b3acd', table='reports_planteam', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planteam',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planteamevent" ("id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan_id", "team_id") VALUES (OLD."id", public.history_now(), \'delete\', OLD."id", OLD."plan_id", OLD."team_id"); RETURN NULL;', hash='e5c4af2039512e6b34816f57e55ceba44689f5b0', operation='DELETE', pgid='pgtrigger_delete_delete_d64ff', table='reports_planteam', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='plan_has_name', violation_error_code='name', violation_error_message='A plan needs a name.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('hour__lte', 23), ('weekday__lte', 6)), name='plan_in_week', violation_error_code='hour', violation_error_message='An hour is from 0 to 23.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('every_weeks__gte', 1), ('every_weeks__lte', 12)), name='plan_every_weeks', violation_error_code='every_weeks', violation_error_message='Every 1 to 12 weeks.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('content', 'program'), ('is_template', True), ('program', None)), models.Q(('content', 'program'), ('is_template', False), ('program__isnull', False)), models.Q(models.Q(('content', 'program'), _negated=True), ('is_template', False), ('program', None)), _connector='OR'), name='plan_names_its_program', violation_error_code='program', violation_error_message="A program's plan names its program, and no other plan does."),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('content', 'view'), ('view__isnull', False)), models.Q(models.Q(('content', 'view'), _negated=True), ('view', None)), _connector='OR'), name='plan_names_its_view', violation_error_code='view', violation_error_message='Choose a saved view of the portfolio, or another content.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('paused_from', None), ('paused_until', None), ('paused_until__gte', models.F('paused_from')), _connector='OR'), name='plan_pause_ends_after_it_begins', violation_error_code='paused_until', violation_error_message='A pause ends on the day it begins, or later.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.CheckConstraint(condition=models.Q(('enrols', False), models.Q(('content', 'program'), models.Q(('audience', 'everyone'), _negated=True)), _connector='OR'), name='plan_enrols_an_audience', violation_error_code='enrols', violation_error_message="Only a program's plan has a sponsor, partners or a team to enrol."),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('template__isnull', False)), fields=('template', 'program'), name='plan_once_of_a_template', violation_error_message='The program has a plan of this template already.'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('content', 'day')), fields=('content',), name='plan_one_a_day'),
        ),
        migrations.AddConstraint(
            model_name='plan',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='plan_one_default'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='plan',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planevent" ("audience", "begins_at", "channel", "content", "ended_at", "enrols", "escalate_days", "every_weeks", "hour", "id", "is_default", "is_template", "length", "name", "owner_id", "paused_from", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "rhythm", "starts_on", "template_id", "version", "view_id", "weekday", "without", "zone") VALUES (NEW."audience", NEW."begins_at", NEW."channel", NEW."content", NEW."ended_at", NEW."enrols", NEW."escalate_days", NEW."every_weeks", NEW."hour", NEW."id", NEW."is_default", NEW."is_template", NEW."length", NEW."name", NEW."owner_id", NEW."paused_from", NEW."paused_until", public.history_now(), \'insert\', NEW."id", NEW."program_id", NEW."rhythm", NEW."starts_on", NEW."template_id", NEW."version", NEW."view_id", NEW."weekday", NEW."without", NEW."zone"); RETURN NULL;', hash='4a4e798d48f11227023bf850c1a90f4b73ca78df', operation='INSERT', pgid='pgtrigger_insert_insert_358a4', table='reports_plan', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='plan',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "reports_planevent" ("audience", "begins_at", "channel", "content", "ended_at", "enrols", "escalate_days", "every_weeks", "hour", "id", "is_default", "is_template", "length", "name", "owner_id", "paused_from", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "rhythm", "starts_on", "template_id", "version", "view_id", "weekday", "without", "zone") VALUES (NEW."audience", NEW."begins_at", NEW."channel", NEW."content", NEW."ended_at", NEW."enrols", NEW."escalate_days", NEW."every_weeks", NEW."hour", NEW."id", NEW."is_default", NEW."is_template", NEW."length", NEW."name", NEW."owner_id", NEW."paused_from", NEW."paused_until", public.history_now(), \'update\', NEW."id", NEW."program_id", NEW."rhythm", NEW."starts_on", NEW."template_id", NEW."version", NEW."view_id", NEW."weekday", NEW."without", NEW."zone"); RETURN NULL;', hash='6607beb0cb1d7adba9a07b640c6286bdd6b6fe13', operation='UPDATE', pgid='pgtrigger_update_update_29bfb', table='reports_plan', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='plan',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "reports_planevent" ("audience", "begins_at", "channel", "content", "ended_at", "enrols", "escalate_days", "every_weeks", "hour", "id", "is_default", "is_template", "length", "name", "owner_id", "paused_from", "paused_until", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "rhythm", "starts_on", "template_id", "version", "view_id", "weekday", "without", "zone") VALUES (OLD."audience", OLD."begins_at", OLD."channel", OLD."content", OLD."ended_at", OLD."enrols", OLD."escalate_days", OLD."every_weeks", OLD."hour", OLD."id", OLD."is_default", OLD."is_template", OLD."length", OLD."name", OLD."owner_id", OLD."paused_from", OLD."paused_until", public.history_now(), \'delete\', OLD."id", OLD."program_id", OLD."rhythm", OLD."starts_on", OLD."template_id", OLD."version", OLD."view_id", OLD."weekday", OLD."without", OLD."zone"); RETURN NULL;', hash='32e9e559e7be7d2504d79208a3ffd9671f04e6de', operation='DELETE', pgid='pgtrigger_delete_delete_2923e', table='reports_plan', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='planteamevent',
            index=models.Index(fields=['pgh_created_at'], name='reports_planteam_at'),
        ),
        migrations.AddConstraint(
            model_name='planteamevent',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('pgh_obj',), name='reports_planteam_open'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planteamevent',
            trigger=pgtrigger.compiler.Trigger(name='close_previous', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE closed_at timestamptz;', func="\n    UPDATE reports_planteamevent SET valid_to = GREATEST(NEW.pgh_created_at, pgh_created_at)\n        WHERE pgh_obj_id = NEW.pgh_obj_id AND valid_to IS NULL\n        RETURNING valid_to INTO closed_at;\n    NEW.pgh_created_at := COALESCE(closed_at, NEW.pgh_created_at);\n    IF NEW.pgh_label = 'delete' THEN NEW.valid_to := NEW.pgh_created_at; END IF;\n    \n    RETURN NEW;\n", hash='233c2b5749e6b206cdb257f517cbe105643ed40d', operation='INSERT', pgid='pgtrigger_close_previous_444ce', table='reports_planteamevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planteamevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n    IF TG_OP = 'UPDATE' AND OLD.valid_to IS NULL AND NEW.valid_to IS NOT NULL\n        AND to_jsonb(NEW) - 'valid_to' = to_jsonb(OLD) - 'valid_to' THEN\n        RETURN NEW;\n    END IF;\n    RAISE EXCEPTION 'History is append-only.';\n", hash='555b1bd9e74f02bbb8034f82784254710604a80a', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_164ce', table='reports_planteamevent', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(condition=models.Q(('letter', None)), fields=['user'], name='reminder_waiting'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('user', 'program', 'kind', 'owed_on'), name='reminder_once', violation_error_message='This person was reminded today already.'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'nudge'), _negated=True), ('by__isnull', False), _connector='OR'), name='reminder_nudge_by'),
        ),
        migrations.RunPython(begin_weekly_letter, migrations.RunPython.noop),
        migrations.AddField(
            model_name='subscription',
            name='plan',
            field=models.ForeignKey(default=1, on_delete=django.db.models.deletion.CASCADE, related_name='readers', to='reports.plan'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='plan',
            field=models.ForeignKey(db_constraint=False, default=1, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='reports.plan'),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('weekday', None), ('weekday__lte', 6), _connector='OR'), name='subscription_weekday', violation_error_code='weekday', violation_error_message='A weekday is from 0, Monday, to 6.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('hour', None), ('hour__lte', 23), _connector='OR'), name='subscription_hour', violation_error_code='hour', violation_error_message='An hour is from 0 to 23.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('email', ''), ('url', ''), ('user__isnull', False)), models.Q(('granted_by__isnull', False), ('url', ''), ('user', None), models.Q(('email', ''), _negated=True), models.Q(('time_zone', ''), _negated=True)), models.Q(('confirmed_at__isnull', False), ('email', ''), ('granted_by__isnull', False), ('user', None), models.Q(('url', ''), _negated=True)), _connector='OR'), name='subscription_one_reader', violation_error_message='A reader is a person, an outside address or a webhook.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(fields=('plan', 'user'), name='subscription_once', violation_error_code='user', violation_error_message='This person is a reader already.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('email', ''), _negated=True), fields=('plan', 'email'), name='subscription_address_once', violation_error_code='email', violation_error_message='This address is a reader already.'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('url', ''), _negated=True), fields=('plan',), name='subscription_one_webhook', violation_error_code='url', violation_error_message='A plan has one webhook.'),
        ),
    ]
