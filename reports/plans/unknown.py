"""Letters of which nobody knows whether they arrived, sent once more where somebody says so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from people.models import User
from programs.services import locked
from reports.models import Letter, Subscription
from reports.plans.promises import overtaken
from reports.plans.services import require_own


@transaction.atomic
def send_again(*, letter: Letter, by: User, at: datetime) -> Letter:
    """Let the next sweep send an unknown letter under the Message-ID that it had: its reader may get it twice.

    Who wanted that, and when, stays on the letter.

    Its claims are counted on, by which what a worker says that was thought dead is told from what the next one says.
    """
    reader = locked(letter.subscription)
    require_own(reader, by)
    # Any: type checkers do not see what annotate adds.
    found: Any = Letter.objects.select_for_update().annotate(is_overtaken=overtaken()).get(pk=letter.pk)
    letter = found
    if letter.state != Letter.State.UNKNOWN:
        raise ValidationError(_("It is known what became of this letter: it is not sent again."), code="known")
    if found.is_overtaken:
        raise ValidationError(_("A newer letter took its place."), code="overtaken")
    if not Subscription.objects.active().filter(pk=reader.pk).exists():
        raise ValidationError(_("Its reader gets no letters any more."), code="left")
    letter.state, letter.tries, letter.error = Letter.State.DUE, 0, ""
    letter.again_by, letter.again_at = by, at
    letter.save(update_fields=["state", "tries", "error", "again_by", "again_at"])
    return letter
