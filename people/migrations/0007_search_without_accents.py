"""Text without accents: a function that an index may use, and a configuration for text search."""

import django.contrib.postgres.indexes
import django.contrib.postgres.operations
from django.db import migrations

import people.search

# What unaccent answers could change with its rules, so Postgres will not have it in an index; ours are never changed.
# Its body is read once, here: wherever the extension lies, and whatever the search path is later.
PLAIN = """
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN upper(unaccent('unaccent'::regdictionary, $1));
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION plain ALTER MAPPING FOR hword, hword_part, word,
    numhword, hword_numpart, numword WITH unaccent, simple;
"""
NOT_PLAIN = "DROP TEXT SEARCH CONFIGURATION plain; DROP FUNCTION plain(text)"


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0006_job_read'),
    ]

    operations = [
        django.contrib.postgres.operations.UnaccentExtension(),
        migrations.RunSQL(PLAIN, NOT_PLAIN),
        migrations.RemoveIndex(model_name='team', name='team_search'),
        migrations.RemoveIndex(model_name='user', name='user_search'),
        migrations.AddIndex(
            model_name='team',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(people.search.Plain('name'), name='gin_trgm_ops'), name='team_search'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(people.search.Plain('name'), name='gin_trgm_ops'), name='user_search'),
        ),
    ]
