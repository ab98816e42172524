"""Pages of the weekly loop: my updates, the button that asks for those of others, the agenda of a sync."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from dashboards.templatetags.words import isolated
from dashboards.weekly.agenda import agenda
from dashboards.weekly.owed import ask_late, read, with_changes
from forecasts.policy import newest_policy
from people.pages import SignedIn, day_of, done, zone_of
from programs.pages import looks_back, program_crumbs
from programs.permissions import editable
from reports.reviews.agreed import agreed
from reports.updates.due import SOON_DAYS

# Of many that are late the page shows the first, and the answer names so many; all are asked.
MOST_LATE, MOST_NAMED = 30, 10


@require_safe
def my_updates(request: SignedIn) -> HttpResponse:
    """What the reader has to write, the first due first; below it, whoever else is late."""
    today, zone, policy = day_of(request), zone_of(request), newest_policy()
    owed, late = read(request.user, today)
    due = sum(one.is_due for one in owed)
    context = {
        "title": _("My updates"),
        "sub": _("%(due)s of %(count)s due now or within %(days)s days.")
        % {"due": due, "count": len(owed), "days": SOON_DAYS}
        if owed
        else "",
        "rows": with_changes(owed, today=today, zone=zone, policy=policy),
        "late": late[:MOST_LATE],
        "more_late": len(late[MOST_LATE:]),
        "to_ask": sum(bool(one.nudge.people) for one in late),
        "today": today,
        "policy": policy,
        "empty_heading": _("You owe no update"),
        "empty_text": _("Whoever leads an active program says each week how it stands."),
    }
    return render(request, "dashboards/my_updates.html", context)


@require_POST
def nudge_late(request: SignedIn) -> HttpResponse:
    """Ask everybody who is late, and say whom, and whom not and why."""
    found = ask_late(request.user, timezone.now())
    asked = [one for one in found if one.people]
    left = [one for one in found if not one.people]
    told = []
    if asked:
        named = [f"{one.program.name} ({', '.join(person.name for person in one.people)})" for one in asked]
        told.append(
            ngettext("Asked for %(count)s update: %(names)s.", "Asked for %(count)s updates: %(names)s.", len(asked))
            % {"count": len(asked), "names": _in_short(named)}
        )
        told.append(_("It stands in their next mail, at their own hour."))
    if left:
        named = [f"{one.program.name} ({one.why.rstrip('.')})" for one in left]
        told.append(_("Not asked: %(names)s.") % {"names": _in_short(named)})
    if asked:
        return done(request, " ".join(told), reverse("my_updates"), final=True)
    messages.error(request, " ".join(told) or _("Nobody is late."))
    return redirect(reverse("my_updates"))


@require_safe
@looks_back
def program_sync(request: SignedIn, key: str) -> HttpResponse:
    """What a program's weekly sync talks about, now or as it stood on a day."""
    today = day_of(request)
    found = agenda(request.user, key, today=today, zone=zone_of(request))
    if found is None:
        raise Http404
    edits = editable(request.user, [found.program])
    context = {
        "title": _("Weekly sync"),
        "sub": f"{isolated(found.program.name)}, {date_format(today, 'j F Y')}",
        "crumbs": program_crumbs(found.program),
        "program": found.program,
        "agenda": found,
        "actions": agreed(found.actions, request.user, edits),
        "may_edit": found.program.pk in edits,
        "today": today,
        "copied_day": today,
    }
    return render(request, "dashboards/sync.html", context)


def _in_short(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED])
    return _("%(names)s and %(count)s more") % {"names": shown, "count": more} if more > 0 else shown
