"""The decorator that gives a model its event table and the triggers that fill it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Q

from history.models import Event
from history.past import COLUMNS, OF_TODAY
from history.services import FINAL

M = TypeVar("M", bound=models.Model)

# The row's own lock keeps two writers of one record apart, so the previous event is always there to be closed.
# GREATEST: a clock set back must not make an event end before it began.
CLOSE_PREVIOUS = """
    UPDATE {{meta.db_table}} SET valid_to = GREATEST(NEW.pgh_created_at, pgh_created_at)
        WHERE pgh_obj_id = NEW.pgh_obj_id AND valid_to IS NULL
        RETURNING valid_to INTO closed_at;
    NEW.pgh_created_at := COALESCE(closed_at, NEW.pgh_created_at);
    IF NEW.pgh_label = 'delete' THEN NEW.valid_to := NEW.pgh_created_at; END IF;
    {programs}
    RETURN NEW;
"""
ONLY_CLOSING = """
    IF TG_OP = 'UPDATE' AND OLD.valid_to IS NULL AND NEW.valid_to IS NOT NULL
        AND to_jsonb(NEW) - 'valid_to' = to_jsonb(OLD) - 'valid_to' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'History is append-only.';
"""


def track(
    *,
    program: str = "",
    other_program: str = "",
    exclude: tuple[str, ...] = (),
    final: bool = False,
    of_today: bool = False,
    past: Mapping[str, str] | None = None,
) -> Callable[[type[M]], type[M]]:
    """Keep the history of a model's rows in a table of events, written by triggers.

    ``program`` says how an event finds the program it belongs to, as SQL over ``NEW``, where the row has no
    ``program`` column of its own; ``other_program`` likewise for a row between two programs. Both are stored with
    the event, so that everything of one program at a moment is one index scan a table. What is ``final`` has no undo.

    Pages of a day gone by read the rows as they were (``history.past``): all but those ``of_today``, and but columns
    that ``past`` gives as SQL over ``e``, the event, and ``now``, the row as it is today.
    """

    def wrap(model: type[M]) -> type[M]:
        if final:
            FINAL.add(model)
        if of_today:
            OF_TODAY.add(model)
        if past:
            COLUMNS[model] = past
        # A program is its own program: its events are found under its id.
        own_column = any(field.name == "program" for field in model._meta.local_fields)
        columns: dict[str, models.Field[int | None, int | None]] = {}
        assignments = []
        if program:
            columns["program_id"] = models.BigIntegerField(null=True, editable=False)
            assignments.append(f"NEW.program_id := {program};")
        if other_program:
            columns["other_program_id"] = models.BigIntegerField(null=True, editable=False)
            assignments.append(f"NEW.other_program_id := {other_program};")
        name = model._meta.db_table
        indexes = [models.Index(fields=["pgh_created_at"], name=f"{name[:24]}_at")]
        if program or own_column:
            indexes.append(
                models.Index(fields=["program_id" if program else "program", "valid_to"], name=f"{name[:24]}_p")
            )
        if other_program:
            indexes.append(models.Index(fields=["other_program_id", "valid_to"], name=f"{name[:24]}_o"))
        pghistory.track(
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            base_model=Event,
            context_field=None,  # type: ignore[arg-type]  # documented, but its annotation forgets it
            obj_field=pghistory.ObjForeignKey(related_name="events", db_index=False),
            exclude=list(exclude),
            attrs=columns,
            meta={
                "indexes": indexes,
                "constraints": [
                    models.UniqueConstraint(fields=["pgh_obj"], condition=Q(valid_to=None), name=f"{name[:24]}_open")
                ],
                "triggers": [
                    pgtrigger.Trigger(
                        name="close_previous",
                        when=pgtrigger.Before,
                        operation=pgtrigger.Insert,
                        declare=[("closed_at", "timestamptz")],
                        func=pgtrigger.Func(  # type: ignore[no-untyped-call]
                            CLOSE_PREVIOUS.format(programs=" ".join(assignments))
                        ),
                    ),
                    pgtrigger.Trigger(
                        name="append_only",
                        when=pgtrigger.Before,
                        operation=pgtrigger.Update | pgtrigger.Delete,
                        func=ONLY_CLOSING,
                    ),
                ],
            },
        )(model)
        return model

    return wrap
