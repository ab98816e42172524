"""How strict the rules for updates are: the newest version counts, and each change says why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

import history
from people.models import User
from people.permissions import OrgAct, require
from reports.models import LintPolicy
from reports.updates.rules.lint import LEVELS, Level

# An advisory lock: two administrators who change the rules at once wait for each other.
RULES_LOCK = 7310


def newest() -> LintPolicy | None:
    return LintPolicy.objects.order_by("-version").first()


def version_of(policy: LintPolicy | None) -> int:
    """The version that counts; 0 is what ships."""
    return policy.version if policy else 0


def levels_of(policy: LintPolicy | None) -> dict[str, Level]:
    """Every rule with its level."""
    changed = policy.levels if policy else {}
    return {name: Level(changed.get(name, level)) for name, level in LEVELS.items()}


@transaction.atomic
def change_rules(*, by: User, at: datetime, reason: str, read_version: int, levels: Mapping[str, str]) -> LintPolicy:
    """Add a version. ``read_version`` is the one that the levels were chosen against; rules left out stay."""
    require(by, OrgAct.CHANGE_UPDATE_RULES)
    unknown = {name: level for name, level in levels.items() if name not in LEVELS or level not in Level.values}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ValidationError({"levels": [_("No such rule or level: %(names)s.") % {"names": names}]}, code="unknown")
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why the rules change.")]}, code="because")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RULES_LOCK])
    standing = newest()
    if version_of(standing) != read_version:
        raise ValidationError(
            _("Somebody changed the rules meanwhile, to version %(version)s. Look at them, then change them again."),
            code="overtaken",
            params={"version": version_of(standing)},
        )
    chosen = {name: Level(level) for name, level in (levels_of(standing) | dict(levels)).items()}
    changed = {name: level.value for name, level in chosen.items() if level != LEVELS[name]}
    row = LintPolicy(
        version=version_of(standing) + 1, levels=changed, created_at=at, created_by=by, reason=reason.strip()
    )
    return history.create(row)
