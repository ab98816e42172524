"""A migration operation: the triggers of whole models at once."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class InstallTriggers(Operation):
    """Creates the triggers that models of this migration were given in their options.

    ``AddTrigger`` does it for one, and has Django render half of all models again after each: that took a third of a
    first ``migrate``. It stays right for a trigger that is added or changed later.
    """

    reduces_to_sql = True

    def __init__(self, model_names: list[str]) -> None:
        self.model_names = model_names

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models know their triggers already."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for trigger in self._triggers(app_label, to_state):
            with transaction.atomic(using=schema_editor.connection.alias):
                # The SQL is whole: without parameters its per cent signs are left alone.
                schema_editor.execute(trigger.install_sql, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for trigger in self._triggers(app_label, from_state):
            schema_editor.execute(trigger.uninstall_sql, params=None)

    def _triggers(self, app_label: str, state: ProjectState) -> list[Any]:
        models = [state.models[app_label, name.lower()] for name in self.model_names]
        return [trigger for model in models for trigger in model.options.get("triggers", [])]

    def describe(self) -> str:
        return f"Create the triggers of {', '.join(self.model_names)}"

    @property
    def migration_name_fragment(self) -> str:
        return "triggers"
