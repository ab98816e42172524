"""Every name that a reader may see of a row or a field can be translated, though no line of code spells it."""

from __future__ import annotations

from django.apps import apps

from history.changes import SILENT
from history.names import NAMES


def test_the_names_that_django_makes_are_listed_for_translators() -> None:
    found = set()
    for model in apps.get_models():
        if not hasattr(model, "events"):
            continue
        if "verbose_name" not in model._meta.original_attrs:
            found.add(str(model._meta.verbose_name))
        found |= {
            str(field.verbose_name)
            for field in model._meta.concrete_fields
            if "verbose_name" not in field.deconstruct()[3] and field.name not in SILENT
        }
    assert found == NAMES
