"""Every route of the product and who may pass it: the table that the permission walk reads.

A new route fails the walk until it stands here. ``noun`` says whose row ``<pk>`` (or ``<token>``, ``<slug>``) names;
``<key>`` is always a program's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver


class Guard(Enum):
    DOOR = "seen before signing in"
    ANYONE = "for whoever signs in; what it shows depends on who looks"
    PROGRAM = "belongs to a program: hidden from those who do not see it"
    ORGANISATION = "belongs to the organisation: seen by all, changed by administrators"
    ADMIN = "for administrators alone"
    OWN = "belongs to one person, and hidden from all others"


class Route(NamedTuple):
    guard: Guard
    noun: str = ""
    # What a lead gets (an administrator where only they may pass) who merely looks.
    shows: int = 200
    # Whether everybody may write here: their own settings, or what any member may create.
    open_to_all: bool = False


def door(shows: int = 200) -> Route:
    return Route(Guard.DOOR, shows=shows)


def anyone(shows: int = 200, *, writes: bool = False) -> Route:
    return Route(Guard.ANYONE, shows=shows, open_to_all=writes)


def of(noun: str, shows: int = 200) -> Route:
    return Route(Guard.PROGRAM, noun, shows)


def talk(noun: str, shows: int = 200) -> Route:
    return Route(Guard.PROGRAM, noun, shows, open_to_all=True)


def shared(noun: str = "", shows: int = 200, *, writes: bool = False) -> Route:
    return Route(Guard.ORGANISATION, noun, shows, writes)


def admin(noun: str = "", shows: int = 200) -> Route:
    return Route(Guard.ADMIN, noun, shows)


def own(noun: str, shows: int = 200) -> Route:
    return Route(Guard.OWN, noun, shows)


BUTTON = 405  # it takes a POST alone

PAGES = {
    # before signing in
    "/account/login": door(),
    "/account/logout": door(302),
    "/account/inactive": door(),
    "/account/password": door(),
    "/account/password/sent": door(),
    "/account/password/<uidb36>-<key>": door(),
    "/account/password/changed": door(),
    "/set-up": door(404),
    "/unsubscribe/<token>": Route(Guard.DOOR, "unsubscribe"),
    "/opt-in/<token>": Route(Guard.DOOR, "opt_in"),
    "/letters/shared/<token>": Route(Guard.DOOR, "shared_letter"),
    "/healthz": door(503),
    "/pulse": anyone(),
    "/account/unsent": anyone(302, writes=True),
    "/undo": anyone(BUTTON),
    # the portfolio
    "/": anyone(),
    "/roadmap": anyone(),
    "/dependencies": anyone(),
    "/watermelons": anyone(),
    "/risks": anyone(),
    "/risks/bulk": anyone(302, writes=True),
    "/issues/bulk": anyone(302, writes=True),
    "/assumptions/bulk": anyone(302, writes=True),
    "/decisions/bulk": anyone(302, writes=True),
    "/milestones/bulk": anyone(302, writes=True),
    "/issues": anyone(),
    "/assumptions": anyone(),
    "/decisions": anyone(),
    "/kpis": anyone(),
    "/changes": anyone(),
    "/trends": anyone(),
    "/accuracy": anyone(),
    "/accuracy/expert": anyone(),
    "/quality": anyone(),
    "/day": anyone(),
    "/search": anyone(),
    "/palette": anyone(),
    "/inbox": anyone(),
    "/inbox/read": anyone(BUTTON, writes=True),
    "/inbox/<pk>/open": own("notice", BUTTON),
    "/inbox/<pk>/done": own("notice", BUTTON),
    "/objectives": anyone(),
    "/objectives/new": anyone(writes=True),
    "/objectives/<pk>/edit": shared("objective", writes=True),
    "/objectives/<pk>/delete": shared("objective", writes=True),
    # a program
    "/programs/new": anyone(),
    "/programs/new/blank": anyone(writes=True),
    "/programs/new/<slug>": Route(Guard.ANYONE, "template", open_to_all=True),
    "/p/<key>": of("program"),
    "/p/<key>/why": of("program"),
    "/p/<key>/changes": of("program"),
    "/p/<key>/roadmap": of("program"),
    "/p/<key>/copy": Route(Guard.PROGRAM, "program", open_to_all=True),
    "/p/<key>/edit": of("program"),
    "/p/<key>/delete": of("program"),
    "/p/<key>/settings": of("program"),
    "/p/<key>/people": of("program"),
    "/p/<key>/roles/new": of("program"),
    "/roles/<pk>/edit": of("role"),
    "/roles/<pk>/delete": of("role"),
    "/p/<key>/slots/new": of("program"),
    "/slots/<pk>/edit": of("slot"),
    "/slots/<pk>/delete": of("slot"),
    "/p/<key>/phases": of("program"),
    "/p/<key>/phases/new": of("program"),
    "/phases/<pk>/edit": of("phase"),
    "/phases/<pk>/delete": of("phase"),
    "/phases/<pk>/decide": of("phase"),
    "/phases/<pk>/criteria/new": of("phase"),
    "/phases/<pk>/actions/new": of("phase"),
    "/criteria/<pk>/edit": of("criterion"),
    "/criteria/<pk>/meet": of("criterion", BUTTON),
    "/criteria/<pk>/delete": of("criterion"),
    "/gate-actions/<pk>/edit": of("gate_action"),
    "/gate-actions/<pk>/finish": of("gate_action", BUTTON),
    "/gate-actions/<pk>/delete": of("gate_action"),
    "/p/<key>/related": of("program"),
    "/p/<key>/related/new": of("program"),
    "/related/<pk>/delete": of("related"),
    # what is said about it, and who watches it: whoever sees it may
    "/p/<key>/comments": talk("program"),
    "/p/<key>/mentions": of("program"),
    "/m/<pk>/comments": talk("milestone"),
    "/r/R-<pk>/comments": talk("risk"),
    "/u/<pk>/comments": talk("published"),
    "/comments/<pk>/edit": own("own_comment"),
    "/comments/<pk>/delete": own("own_comment"),
    "/p/<key>/watch": talk("program", BUTTON),
    "/m/<pk>/watch": talk("milestone", BUTTON),
    "/r/R-<pk>/watch": talk("risk", BUTTON),
    # its plan
    "/p/<key>/milestones": of("program"),
    "/p/<key>/milestones/new": of("program"),
    "/m/<pk>": of("milestone"),
    "/m/<pk>/edit": of("milestone"),
    "/m/<pk>/impact": of("milestone", BUTTON),
    "/m/<pk>/delete": of("milestone"),
    "/m/<pk>/finish": of("milestone", BUTTON),
    "/m/<pk>/cancel": of("milestone", BUTTON),
    "/m/<pk>/reopen": of("milestone", BUTTON),
    "/m/<pk>/links/new": of("milestone"),
    "/m/<pk>/links/impact": of("milestone", BUTTON),
    "/p/<key>/dependencies": of("program"),
    "/links/<pk>/edit": of("dependency"),
    "/links/<pk>/impact": of("dependency", BUTTON),
    "/links/<pk>/answer": of("dependency"),
    "/links/<pk>/answer/impact": of("dependency", BUTTON),
    "/links/<pk>/reply": of("dependency"),
    "/links/<pk>/reply/impact": of("dependency", BUTTON),
    "/links/<pk>/delete": of("dependency"),
    "/p/<key>/baselines": of("program"),
    "/p/<key>/baselines/new": of("program"),
    "/baselines/<pk>": of("baseline"),
    "/p/<key>/workstreams": of("program"),
    "/p/<key>/workstreams/new": of("program"),
    "/workstreams/<pk>/edit": of("workstream"),
    "/workstreams/<pk>/delete": of("workstream"),
    "/p/<key>/requirements": of("program"),
    "/p/<key>/requirements/new": of("program"),
    "/requirements/<pk>/edit": of("requirement"),
    "/requirements/<pk>/delete": of("requirement"),
    # its risks, issues, assumptions and decisions
    "/p/<key>/risks": of("program"),
    "/p/<key>/risks/new": of("program"),
    "/r/R-<pk>": of("risk"),
    "/r/R-<pk>/edit": of("risk"),
    "/r/R-<pk>/close": of("risk"),
    "/r/R-<pk>/reopen": of("risk", BUTTON),
    "/r/R-<pk>/delete": of("risk"),
    "/r/R-<pk>/mitigations/new": of("risk"),
    "/mitigations/<pk>/edit": of("mitigation"),
    "/mitigations/<pk>/finish": of("mitigation", BUTTON),
    "/mitigations/<pk>/delete": of("mitigation"),
    "/p/<key>/issues": of("program"),
    "/p/<key>/issues/new": of("program"),
    "/issues/<pk>": of("issue"),
    "/issues/<pk>/edit": of("issue"),
    "/issues/<pk>/close": of("issue", BUTTON),
    "/issues/<pk>/reopen": of("issue", BUTTON),
    "/issues/<pk>/delete": of("issue"),
    "/p/<key>/assumptions": of("program"),
    "/p/<key>/assumptions/new": of("program"),
    "/assumptions/<pk>": of("assumption", 302),
    "/assumptions/<pk>/edit": of("assumption"),
    "/assumptions/<pk>/delete": of("assumption"),
    "/p/<key>/decisions": of("program"),
    "/p/<key>/decisions/new": of("program"),
    "/d/D-<pk>": of("decision"),
    "/d/D-<pk>/edit": of("decision"),
    "/d/D-<pk>/decide": of("decision"),
    "/d/D-<pk>/delete": of("decision"),
    # what recurs over programs
    "/problems": anyone(),
    "/problems/new": anyone(writes=True),
    "/problems/record": anyone(BUTTON, writes=True),
    "/problems/<pk>": of("problem"),
    "/problems/<pk>/edit": of("problem"),
    "/problems/<pk>/close": of("problem"),
    "/problems/<pk>/reopen": of("problem", BUTTON),
    "/problems/<pk>/start": of("problem"),
    "/problems/<pk>/delete": of("problem"),
    # its numbers
    "/p/<key>/kpis": of("program"),
    "/p/<key>/kpis/new": of("program"),
    "/p/<key>/kpis/<pk>": of("kpi"),
    "/p/<key>/kpis/<pk>/edit": of("kpi"),
    "/p/<key>/kpis/<pk>/retire": of("kpi", BUTTON),
    "/p/<key>/kpis/<pk>/delete": of("kpi"),
    "/p/<key>/kpis/<pk>/measurements/new": of("kpi"),
    "/measurements/<pk>/edit": of("measurement"),
    "/measurements/<pk>/delete": of("measurement"),
    # what its lead says
    "/p/<key>/updates": of("program"),
    "/p/<key>/sync": of("program"),
    "/p/<key>/sync/actions/new": of("program"),
    "/p/<key>/updates/new": of("program", 302),
    "/updates/mine": anyone(),
    "/updates/nudge": anyone(BUTTON, writes=True),
    "/u/<pk>": of("update"),
    "/u/<pk>/edit": of("update"),
    "/u/<pk>/discard": of("update"),
    "/u/<pk>/correct": of("published", BUTTON),
    # the review of the portfolio
    "/review": anyone(),
    "/reviews": anyone(),
    "/reviews/new": anyone(writes=True),
    "/reviews/<pk>": shared("review"),
    "/reviews/<pk>/edit": shared("review", writes=True),
    "/reviews/<pk>/delete": shared("review", writes=True),
    "/reviews/<pk>/actions/new": shared("review", writes=True),
    "/review-actions/<pk>/edit": talk("review_action"),
    "/review-actions/<pk>/finish": talk("review_action", BUTTON),
    "/review-actions/<pk>/drop": talk("review_action"),
    # letters
    "/letters": anyone(),
    "/letters/<pk>": own("letter"),
    "/letters/<pk>.txt": own("letter"),
    "/letters/<pk>/again": own("letter", BUTTON),
    "/settings/letters": anyone(),
    "/settings/letters/<pk>": own("subscription"),
    "/settings/letters/<pk>/now": own("subscription", BUTTON),
    "/settings/letters/<pk>/end": own("subscription", BUTTON),
    # the communication plan
    "/plan": anyone(),
    "/plans/new": anyone(writes=True),
    "/plans/<pk>": of("plan"),
    "/plans/<pk>/edit": of("plan"),
    "/plans/<pk>/end": of("plan", BUTTON),
    "/plans/<pk>/subscribe": talk("plan", BUTTON),
    "/plans/<pk>/readers/new": of("plan"),
    "/plans/<pk>/invite": of("plan"),
    "/plans/<pk>/webhook": of("plan"),
    "/readers/<pk>/end": of("reader", BUTTON),
    "/p/<key>/nudge": of("program", BUTTON),
    "/api/v1/docs": anyone(),
    # one's own settings
    "/jobs/<pk>/open": own("job", BUTTON),
    "/jobs/<pk>/done": own("job", BUTTON),
    "/settings": anyone(),
    "/settings/profile": anyone(writes=True),
    "/settings/tokens": anyone(),
    "/settings/tokens/new": anyone(writes=True),
    "/settings/tokens/<pk>/revoke": own("token"),
    # saved views
    "/views": anyone(),
    "/views/new": anyone(writes=True),
    "/views/<slug>": own("saved_view", 302),
    "/views/<slug>/edit": own("saved_view"),
    "/views/<slug>/delete": own("saved_view"),
    # the organisation
    "/teams": anyone(),
    "/teams/new": anyone(writes=True),
    "/teams/<pk>": shared("team"),
    "/teams/<pk>/edit": admin("team"),
    "/teams/<pk>/members": admin("team"),
    "/teams/<pk>/delete": admin("team"),
    "/settings/organisation": admin(),
    "/settings/health-policy": admin(),
    "/settings/health-policy/edit": admin(),
    "/settings/update-rules": admin(),
    "/settings/update-rules/edit": admin(),
    "/settings/people": admin(),
    "/settings/people/new": admin(),
    "/settings/people/<pk>": admin("user"),
    "/settings/slots": admin(),
    "/settings/people/<pk>/edit": admin("user"),
    "/settings/calendars": admin(),
    "/settings/calendars/new": admin(),
    "/settings/calendars/<pk>/edit": admin("calendar"),
    "/settings/calendars/<pk>/delete": admin("calendar"),
    "/settings/slip-causes": admin(),
    "/settings/slip-causes/new": admin(),
    "/settings/slip-causes/<pk>/edit": admin("slip_cause"),
    "/settings/slip-causes/<pk>/retire": admin("slip_cause", BUTTON),
    "/import": admin(),
    "/import/<pk>": admin("upload", 302),
    "/import/<pk>/job": admin("upload", 302),
    "/import/<pk>/columns": admin("upload"),
    "/import/<pk>/mapping": admin("upload", BUTTON),
    "/import/<pk>/run": admin("upload", BUTTON),
    "/import/<pk>/discard": admin("upload", BUTTON),
    "/import/mappings": admin(),
    "/import/mappings/new": admin(),
    "/import/mappings/<pk>/edit": admin("mapping"),
    "/import/mappings/<pk>/delete": admin("mapping"),
}

API = {
    "programs": anyone(writes=True),
    "programs/from-template": anyone(BUTTON, writes=True),
    "program-templates": anyone(),
    "programs/<key>": of("program"),
    "programs/<key>/copy": of("program", BUTTON),
    "programs/<key>/health": of("program"),
    "programs/<key>/why": of("program"),
    "programs/<key>/trends": of("program"),
    "programs/<key>/update-draft": of("program"),
    "programs/<key>/sync": of("program"),
    "programs/<key>/shared-hours": of("program"),
    "roles": anyone(),
    "roles/<pk>": of("role"),
    "slots": anyone(),
    "slots/<pk>": of("slot"),
    "phases": anyone(),
    "phases/<pk>": of("phase"),
    "phases/<pk>/decide": of("phase", BUTTON),
    "gate-criteria": anyone(),
    "gate-criteria/<pk>": of("criterion"),
    "gate-actions": anyone(),
    "gate-actions/<pk>": of("gate_action"),
    "objectives": anyone(writes=True),
    "objectives/<pk>": shared("objective", writes=True),
    "related-links": anyone(),
    "related-links/<pk>": of("related"),
    "workstreams": anyone(),
    "workstreams/<pk>": of("workstream"),
    "milestones": anyone(),
    "milestones/<pk>": of("milestone"),
    "milestones/<pk>/drivers": of("milestone"),
    "dependencies": anyone(),
    "dependencies/<pk>": of("dependency"),
    "dependencies/<pk>/answer": of("dependency", BUTTON),
    "dependencies/<pk>/reply": of("dependency", BUTTON),
    "requirements": anyone(),
    "requirements/<pk>": of("requirement"),
    "slip-causes": anyone(),
    "slip-causes/<pk>": shared("slip_cause"),
    "date-moves": anyone(),
    "date-moves/<pk>": of("date_move"),
    "baselines": anyone(),
    "baselines/<pk>": of("baseline"),
    "baseline-dates": anyone(),
    "baseline-dates/<pk>": of("baseline_date"),
    "accuracy": anyone(),
    "quality": anyone(),
    "what-if": anyone(BUTTON),
    "forecasts": anyone(),
    "forecasts/<pk>": of("milestone"),
    "risk-forecasts": anyone(),
    "risk-forecasts/<pk>": of("risk"),
    "program-healths": anyone(),
    "program-healths/<key>": of("program"),
    "health-policies": anyone(),
    "health-policies/preview": anyone(BUTTON),
    "health-policies/<pk>": shared("health_policy"),
    "risks": anyone(),
    "risks/<pk>": of("risk"),
    "risks/<pk>/close": of("risk", BUTTON),
    "risks/<pk>/reopen": of("risk", BUTTON),
    "mitigation-actions": anyone(),
    "mitigation-actions/<pk>": of("mitigation"),
    "issues": anyone(),
    "issues/<pk>": of("issue"),
    "assumptions": anyone(),
    "assumptions/<pk>": of("assumption"),
    "decisions": anyone(),
    "decisions/<pk>": of("decision"),
    "decisions/<pk>/decide": of("decision", BUTTON),
    "problems": anyone(writes=True),
    "problems/<pk>": of("problem"),
    "problems/<pk>/close": of("problem", BUTTON),
    "problems/<pk>/reopen": of("problem", BUTTON),
    "problems/<pk>/start": of("problem", BUTTON),
    "change-sets": anyone(),
    "change-sets/<pk>": own("change_set"),
    "change-sets/<pk>/undo": own("change_set", BUTTON),
    "kpis": anyone(),
    "kpis/<pk>": of("kpi"),
    "measurements": anyone(),
    "measurements/<pk>": of("measurement"),
    "updates": anyone(),
    "updates/owed": anyone(),
    "updates/late": anyone(writes=True),
    "updates/<pk>": of("update"),
    "updates/<pk>/publish": of("update", BUTTON),
    "updates/<pk>/lint": of("update", BUTTON),
    "updates/<pk>/correct": of("update", BUTTON),
    "reviews": anyone(writes=True),
    "reviews/<pk>": shared("review", writes=True),
    "review-actions": anyone(writes=True),
    "review-actions/<pk>": talk("review_action"),
    "update-rules": anyone(),
    "update-rules/<pk>": shared("update_rules"),
    "comments": anyone(writes=True),
    "comments/<pk>": of("comment"),
    "watches": anyone(writes=True),
    "watches/<pk>": own("watch"),
    "notices": anyone(),
    "notices/<pk>": own("notice"),
    "notices/<pk>/read": own("notice", BUTTON),
    "notices/<pk>/done": own("notice", BUTTON),
    "imports": admin(shows=BUTTON),
    "imports/<pk>": admin("upload", 404),
    "inbox": anyone(),
    "inbox/read": anyone(BUTTON, writes=True),
    "search": anyone(),
    "plans": anyone(),
    "plans/<pk>": of("plan"),
    "plans/<pk>/readers": talk("plan", BUTTON),
    "plans/<pk>/invite": of("plan", BUTTON),
    "plans/<pk>/webhook": of("plan", BUTTON),
    "plans/<pk>/nudge": of("plan", BUTTON),
    "subscriptions": anyone(writes=True),
    "subscriptions/<pk>": own("subscription"),
    "subscriptions/<pk>/send-now": own("subscription", BUTTON),
    "subscriptions/<pk>/send-again": own("subscription", BUTTON),
    "letters": anyone(),
    "letters/<pk>": own("letter"),
    "users": anyone(),
    "users/<pk>": shared("user"),
    "teams": anyone(writes=True),
    "teams/<pk>": shared("team"),
    "teams/<pk>/load": shared("team"),
    "teams/<pk>/promises": shared("team"),
    "calendars": anyone(),
    "calendars/<pk>": shared("calendar"),
    "tokens": anyone(writes=True),
    "tokens/<pk>": own("token"),
    "saved-views": anyone(writes=True),
    "saved-views/<pk>": own("saved_view_id"),
    "organisation": anyone(),
    "me": anyone(),
    "openapi.json": anyone(),
    "": anyone(404),
}

ROUTES = PAGES | {"/api/v1": anyone(404)} | {f"/api/v1/{path}": route for path, route in API.items()}


def leaves(resolver: URLResolver | None = None, above: str = "") -> Iterator[str]:
    """Every address of the product, its parameters in the form ``<name>``."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = above + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield "/" + plain(path)
        else:
            yield from leaves(pattern, path)


def plain(path: str) -> str:
    path = re.sub(r"\(\?P(<\w+>)[^()]*(?:\([^()]*\))?[^()]*\)", r"\1", path)
    path = re.sub(r"<\w+:(\w+)>", r"<\1>", path)
    return re.sub(r"[\^$\\]", "", path)
