from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION history_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT COALESCE(NULLIF(current_setting('tpm.at', true), '')::timestamptz, clock_timestamp())
$$;
CREATE FUNCTION history_change_set() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT NULLIF(current_setting('tpm.change_set', true), '')::bigint
$$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION history_change_set(); DROP FUNCTION history_now();"),
    ]
