"""The rules for updates as a page of the organisation's settings: how strict each is, and how strict it was."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from history.forms import explaining
from people.pages import SignedIn, done, paged, posted
from people.permissions import OrgAct, require
from reports.models import LintPolicy
from reports.updates.rules import strictness
from reports.updates.rules.forms import RulesForm
from reports.updates.rules.lint import RULES

HERE = "/settings/update-rules"
CRUMBS = [(lazy("Settings"), "/settings")]


@require_safe
def update_rules(request: SignedIn) -> HttpResponse:
    """What counts now, and each version before with what it changed."""
    require(request.user, OrgAct.CHANGE_UPDATE_RULES)
    standing = strictness.newest()
    levels = strictness.levels_of(standing)
    context = {
        "page": paged(request, LintPolicy.objects.select_related("created_by").order_by("-version")),
        "version": strictness.version_of(standing),
        "rules": [(rule, levels[rule.name]) for rule in RULES],
        "title": _("Rules for updates"),
        "sub": _("What an update must say before it is published."),
        "crumbs": CRUMBS,
        "primary_url": f"{HERE}/edit",
        "primary_label": _("Change the rules"),
        "primary_icon": "pencil",
        "empty_heading": _("No version yet"),
        "empty_text": _("The rules that ship count until somebody changes them."),
    }
    return render(request, "reports/update_rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def update_rules_edit(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.CHANGE_UPDATE_RULES)
    standing = strictness.newest()
    form = RulesForm(posted(request), standing=standing)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = strictness.change_rules(by=request.user, at=timezone.now(), **form.chosen)
            return done(
                request, _("Saved version %(version)s. It counts from now on.") % {"version": row.version}, HERE
            )
    context = {
        "title": _("Change the rules for updates"),
        "crumbs": [*CRUMBS, (_("Rules for updates"), HERE)],
        "form": form,
        "submit_label": _("Save"),
        "cancel_url": HERE,
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)
