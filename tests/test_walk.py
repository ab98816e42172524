"""The permission walk: every route, every method, as everybody, over one row of every noun in a private program.

It proves that what is hidden cannot be told from what is missing, that nobody changes what they may not, and that a
private program leaves no trace in what an outsider reads. Routes are declared in ``tests/routes.py``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

import forecasts.services
import metrics.services
import milestones.services
import people.services
import programs.services
import reports.plans.services
import reports.reviews.services
import reports.updates.services
import risks.services
from forecasts.models import HealthPolicy, MilestoneForecast
from history.models import ChangeSet
from integrations.models import ImportMapping, Upload
from milestones.models import Milestone
from people.models import AccessToken, Job, Team, User
from programs import talk
from programs.models import Objective, Phase, Program, RelatedLink
from reports.letters import writing
from reports.letters.desk import open_desk
from reports.letters.links import letter_token, unsubscribe_token
from reports.models import Letter, LintPolicy, Review
from reports.plans.invitations import invitation_token
from risks.models import Risk
from risks.recurring import Cost, Of, quarter_of
from risks.services import Impact
from tests.conftest import FRIDAY, Cast
from tests.routes import BUTTON, PAGES, ROUTES, Guard, Route, leaves
from tpm.urls import nouns

METHODS = ("get", "post", "put", "patch", "delete")
WRITES = METHODS[1:]
REFUSED = {403, 404, 405}
CANARY = re.compile(rb"canary|\bDARK\b")
DAY = 480
# Rows that reading may touch: when a token was last used, and sessions.
UNWATCHED = {"people_accesstoken", "django_session"}

Ids = dict[str, Any]
MISSING = {"key": "NOPE", "pk": 987_654_321, "uidb36": "zz", "slug": "nope-987654321", "token": "no:such:token"}


@dataclass
class Stage:
    """The cast with one row of every noun: in DARK, which the outsider does not see, and in NA4, which all see."""

    cast: Cast
    hidden: Ids = field(default_factory=dict)
    seen: Ids = field(default_factory=dict)


def furnish(program: Program, cast: Cast, word: str, other: Program, team: Team) -> Ids:
    """One row of every noun in a program, ``word`` in every text that a person can write."""
    lead, now = cast.lead, timezone.now()
    today = people.services.today(now)
    text = f"{word} text"
    url = f"https://{word}.example/"
    soon = today + timedelta(days=20)
    owned: dict[str, Any] = {"program": program, "by": lead}
    role = programs.services.give_role(program=program, user=cast.admin, kind="viewer", by=lead)
    slot = programs.services.create_slot(**owned, title=text)
    phase = programs.services.create_phase(
        **owned, kind=Phase.Kind.POST_IMPLEMENTATION, gate_on=today - timedelta(days=9), evidence_url=url
    )
    programs.services.decide_gate(
        phase=phase, decision="failed", by=lead, on=today, note=text, target_met=False, lessons=text
    )
    programs.services.create_phase(**owned, kind=Phase.Kind.DESIGN, gate_on=today - timedelta(days=9))
    criterion = programs.services.create_criterion(phase=phase, by=lead, text=text, evidence_url=url)
    gate_action = programs.services.create_gate_action(phase=phase, by=lead, text=text, owner=lead, due_on=today)
    related = programs.services.relate(program=program, other=other, kind="see_also", by=lead)
    workstream = milestones.services.create_workstream(**owned, name=text)
    first, last = (
        milestones.services.create_milestone(
            **owned,
            name=f"{text} {name}",
            today=today,
            workstream=workstream,
            owner=lead,
            note=text,
            work_likely=40 * DAY,
            target_on=today + timedelta(days=5),
            is_end=name == "end",
            team=team,
            demand_days=Decimal(30),
        )
        for name in ("start", "end")
    )
    dependency = milestones.services.link(predecessor=first, successor=last, by=lead, note=text)
    milestones.services.change_milestone(
        milestone=last, by=lead, today=today, at=now, target_on=soon, cause=cast.cause, note=text, reason=text
    )
    milestones.services.move_program_target(program=program, by=lead, at=now, target_on=soon, summary=text, area=word)
    baseline = milestones.services.approve_baseline(
        program=program, name=text, dates={first.pk: soon, last.pk: soon}, by=lead, on=today, note=text
    )
    requirement = milestones.services.create_requirement(**owned, today=today, text=text, milestone=last)
    risk = risks.services.create_risk(
        **owned,
        today=today,
        title=text,
        cause=text,
        event=text,
        effect=text,
        mitigation=text,
        probability=Decimal("0.5"),
        likelihood_score=5,
        impact_score=5,
        owner=lead,
        impacts=[Impact(last, DAY, 5 * DAY, 9 * DAY)],
    )
    mitigation = risks.services.create_action(risk=risk, by=lead, text=text, owner=lead, due_on=today)
    issue = risks.services.create_issue(
        **owned, today=today, title=text, note=text, owner=lead, milestone=last, due_on=today - timedelta(days=3),
        raised_on=today - timedelta(days=9),
    )  # fmt: skip
    assumption = risks.services.create_assumption(**owned, text=text, owner=lead, expires_on=today)
    decision = risks.services.create_decision(
        **owned, today=today, question=text, options=text, decider=lead, decide_by_on=today
    )
    decided = risks.services.create_decision(**owned, today=today, question=f"{text} two", decider=lead)
    risks.services.decide(decision=decided, by=lead, on=today, answer=text, consequence=text)
    problem = risks.services.open_problem(
        by=lead,
        today=today,
        title=text,
        description=text,
        cause=cast.cause,
        costs=[Cost(Of(program.pk, program.key, program.name), quarter_of(today), 9, 2)],
    )
    risks.services.change_problem(problem=problem, by=lead, program=program, reason=text)
    kpi = metrics.services.create_kpi(
        **owned, name=text, unit=word, limit_value=Decimal(5), target_value=Decimal(100), direction="up"
    )
    measurement = metrics.services.measure(kpi=kpi, on=today, value=Decimal(1), by=lead, today=today, note=text)
    programs.services.report(program=program, health="on_track", because=text, by=lead, at=now)
    written: dict[str, Any] = {"health": "at_risk", "cause": text, "text": text, "ask": text, "path_to_green": text}
    written |= {"path_owner": lead, "path_on": soon}
    said = reports.updates.services.begin_update(**owned, at=now, **written)
    reports.updates.services.publish_update(update=said, by=lead, at=now)
    update = reports.updates.services.begin_update(**owned, at=now, **written)
    review, _ = Review.objects.get_or_create(held_on=today, chair=cast.admin, notes="Quiet")
    agreed = reports.reviews.services.take_action(review=review, **owned, text=text, owner=lead, due_on=today)
    said_of = {"program": program.pk, "milestone": last.pk, "risk": risk.pk, "update": said.pk}
    for kind, pk in said_of.items():
        talk.watch(program=program, kind=kind, subject_id=pk, by=cast.viewer, at=now)
        about: dict[str, Any] = {"program": program, "kind": kind, "subject_id": pk}
        comment = talk.post_comment(**about, text=f"{text} for @Vera Viewer and @Otto Outsider", by=lead, at=now)
    return {
        "program": program.key,
        "role": role.pk,
        "slot": slot.pk,
        "phase": phase.pk,
        "criterion": criterion.pk,
        "gate_action": gate_action.pk,
        "related": related.pk,
        "workstream": workstream.pk,
        "milestone": last.pk,
        "other_milestone": first.pk,
        "dependency": dependency.pk,
        "date_move": program.date_moves.filter(milestone=last).get().pk,
        "baseline": baseline.pk,
        "baseline_date": baseline.dates.get(milestone=last).pk,
        "requirement": requirement.pk,
        "risk": risk.pk,
        "mitigation": mitigation.pk,
        "issue": issue.pk,
        "assumption": assumption.pk,
        "decision": decision.pk,
        "problem": problem.pk,
        "kpi": kpi.pk,
        "measurement": measurement.pk,
        "update": update.pk,
        "published": said.pk,
        "review_action": agreed.pk,
        "comment": comment.pk,
    }


def belongings(user: User, cast: Cast, program: Program, word: str) -> Ids:
    """What is a person's own: a token, a subscription, a letter as it would be sent; a comment, a star, a notice."""
    now = timezone.now()
    about: dict[str, Any] = {"program": program, "kind": "program", "subject_id": program.pk}
    comment = talk.post_comment(**about, text=f"{word} of my own", by=user, at=now)
    star = talk.watch(**about, by=user, at=now)
    talk.post_comment(**about, text=f"{word} for @{user.name}", by=cast.admin, at=now)
    token, _ = people.services.issue_token(
        user=user,
        name=f"token of {user.name}",
        scopes=["read"],
        expires_on=people.services.today(now) + timedelta(days=9),
        today=people.services.today(now),
    )
    subscription = reports.plans.services.subscribe(user=user, by=user, at=now)
    letter = reports.plans.services.send_now(subscription=subscription, by=user, at=now)
    write_out(letter)
    plan = reports.plans.services.create_plan(
        by=cast.admin, at=now, name=f"{word} letter", content="program", program=program
    )
    outside = reports.plans.services.invite(
        plan=plan, email=f"{word}@outside.example", name=word, time_zone="UTC", by=cast.admin, at=now
    )
    shared = outside.letters.get()
    write_out(shared)
    reports.plans.services.nudge(program=program, by=cast.admin, at=now)
    view = people.services.save_view(by=user, name=f"View of {user.name}", path="/", query="lead=me")
    return {
        "token": token.pk,
        "job": Job.objects.create(user=user, title=word, asked_at=now, ended_at=now, result=word).pk,
        "saved_view": view.slug,
        "saved_view_id": view.pk,
        "subscription": subscription.pk,
        "letter": letter.pk,
        "own_comment": comment.pk,
        "watch": star.pk,
        "notice": user.notices.latest("pk").pk,
        "unsubscribe": unsubscribe_token(subscription.pk),
        "reader": outside.pk,
        "plan": outside.plan_id,
        "shared_letter": letter_token(shared.pk),
        "opt_in": invitation_token(outside.pk),
        "change_set": ChangeSet.objects.filter(by_id=user.pk, parent=None).latest("id").pk,
    }


def write_out(letter: Letter) -> None:
    """Give a letter the words that it would be sent with now."""
    letter = Letter.objects.select_related("subscription__user", "subscription__plan__program").get(pk=letter.pk)
    (words,) = writing.write([letter], at=timezone.now(), desk=open_desk())
    letter.subject, letter.text, letter.html, letter.facts = words.subject, words.text, words.html, words.facts
    letter.save()


@pytest.fixture(autouse=True)
def quiet(settings: Any) -> Iterator[None]:
    """Thousands of refusals are not worth a line each, and nobody is kept out for asking too much in a minute."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return set_stage(cast)


def set_stage(cast: Cast) -> Stage:
    beside = programs.services.create_program(by=cast.admin, key="OPEN", name="Beside", lead=cast.admin)
    programs.services.create_program(by=cast.outsider, key="MINE", name="Outsider's own")
    team = people.services.create_team(name="Compute", by=cast.admin, capacity_days=Decimal(5))
    seen = furnish(cast.na4, cast, "plain", beside, team)
    hidden = furnish(cast.dark, cast, "canary", beside, team)
    now = timezone.now()
    forecasts.services.catch_up(today=people.services.today(now), at=now)
    people.services.set_members(team=team, members=[cast.lead, cast.outsider], by=cast.admin)
    organisation: Ids = {
        "objective": programs.services.create_objective(by=cast.admin, title="Capacity").pk,
        "team": team.pk,
        "user": cast.viewer.pk,
        "calendar": people.services.create_calendar(name="Dublin", by=cast.admin).pk,
        "slip_cause": cast.cause.pk,
        "template": "service-migration",
        "review": Review.objects.get().pk,
        "update_rules": LintPolicy.objects.create(version=1, created_at=now, created_by=cast.admin, reason="Start").pk,
        "health_policy": HealthPolicy.objects.get_or_create(version=1)[0].pk,
        "upload": Upload.objects.create(by=cast.admin).pk,
        "mapping": ImportMapping.objects.create(name="Planner", mapping={}).pk,
    }
    objective = Objective.objects.get(pk=organisation["objective"])
    for program in (cast.na4, cast.dark):
        programs.services.change_program(program=program, by=cast.admin, objectives=[objective])
    return Stage(
        cast,
        hidden=hidden | organisation | belongings(cast.lead, cast, cast.dark, "canary"),
        seen=seen | organisation | belongings(cast.outsider, cast, cast.na4, "plain"),
    )


@pytest.fixture
def entangled(stage: Stage) -> Stage:
    """The private program gives to the open one and takes from it, late; risks of each hit milestones of the other."""
    cast, lead, now = stage.cast, stage.cast.lead, timezone.now()
    today = people.services.today(now)
    rows = Milestone.objects.in_bulk()
    seen = dict(stage.seen)
    for giver, receiver in ((stage.hidden, stage.seen), (stage.seen, stage.hidden)):
        link = milestones.services.link(
            predecessor=rows[giver["other_milestone"]],
            successor=rows[receiver["milestone"]],
            by=lead,
            lag=30 * DAY,
            need_by_on=today,
        )
        milestones.services.answer_hand_off(
            dependency=link,
            agreement="accepted",
            by=lead,
            on=today,
            at=now,
            promised_on=today + timedelta(days=40),
            note="As agreed",
        )
        if giver is stage.hidden:
            seen["dependency"] = link.pk
        risk = Risk.objects.get(pk=giver["risk"])
        hit = [Impact(rows[ids["milestone"]], DAY, 2 * DAY, 3 * DAY) for ids in (giver, receiver)]
        risks.services.change_risk(risk=risk, by=lead, today=FRIDAY, impacts=hit)
    forecasts.services.catch_up(today=today, at=now)
    driven = MilestoneForecast.objects.get(pk=stage.seen["milestone"]).driven_by
    assert driven is not None
    assert driven.program == cast.dark, "The hidden program must be what the open one waits for."
    for letter in Letter.objects.all():
        write_out(letter)
    return Stage(cast, stage.hidden, seen)


# -- asking ----------------------------------------------------------------------------------------------------------


def at(path: str, route: Route, ids: Ids) -> str:
    """The address of a row; without rows, of nothing."""
    for name in re.findall(r"<(\w+)>", path):
        if not ids or (name == "key" and "password" in path):
            value = MISSING[name]
        else:
            value = ids["program"] if name == "key" else ids.get(route.noun, MISSING[name])
        path = path.replace(f"<{name}>", str(value))
    return path


def token_client(user: User, *scopes: str, expired: bool = False) -> Client:
    today = people.services.today(timezone.now())
    token, secret = people.services.issue_token(
        user=user, name="walk", scopes=scopes, expires_on=today + timedelta(days=1), today=today
    )
    if expired:
        AccessToken.objects.filter(pk=token.pk).update(expires_on=date(2020, 1, 1))
    return Client(headers={"Authorization": f"Bearer {secret}"})


def session(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def is_api(path: str) -> bool:
    return path.startswith("/api/") and path not in PAGES


# What a form or an endpoint might take, so that a missing guard would really write.
FILLED = {
    "name": "Probe",
    "title": "Probe",
    "text": "Probe",
    "question": "Probe",
    "key": "PROBE",
    "kind": "viewer",
    "email": "probe@example.com",
    "time_zone": "UTC",
    "decision": "failed",
    "answer": "Probe",
    "agreement": "accepted",
    "health": "on_track",
    "value": "7",
    "on": "2026-11-19",
    "closed_because": "Probe",
    "because": "Probe",
}


def body(method: str, path: str, cast: Cast, ids: Ids) -> dict[str, Any]:
    """What an endpoint takes, naming rows of ``ids``."""
    collection = path.removeprefix("/api/v1/").split("/")[0]
    shape: Any = getattr(nouns.get(collection), "change" if method == "patch" else "new", None)
    if shape is None or not is_api(path):
        return {}
    named = {
        **FILLED,
        "program": ids.get("program", MISSING["key"]),
        "other": ids.get("program", MISSING["key"]),
        "user": cast.outsider.pk,
        "predecessor": ids.get("other_milestone", MISSING["pk"]),
        "successor": ids.get("milestone", MISSING["pk"]),
        "kind": {"phases": "testing", "dependencies": "SS", "roles": "lead", "related-links": "replaces"}.get(
            collection, "event"
        ),
        "raised_on": "2026-11-01",
        "expires_on": "2099-01-01",
        "scopes": ["read"],
        "dates": {},
    } | {
        noun: ids.get(noun, MISSING["pk"])
        for noun in ("phase", "milestone", "risk", "kpi", "workstream", "objective", "team", "baseline", "issue")
    }
    return {name: named[name] for name in shape().get_fields() if name in named}


def ask(client: Client, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
    """A request as a browser or a program would send it."""
    if is_api(path):
        sent = {} if method == "get" else {"data": given or {}, "content_type": "application/json"}
        return getattr(client, method)(
            path, **sent, headers={"If-Match": "*"} if method in ("patch", "delete") else None
        )
    if method == "post":
        return client.post(path, FILLED | (given or {}))
    return getattr(client, method)(path)


def traces(response: Any, asked: str = "\0") -> tuple[Any, ...]:
    """What a response tells, without what is new in each of them and without the address and method that were asked."""
    content = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content).replace(asked.encode(), b"")
    content = content.replace(f"does not take {response.wsgi_request.method}".encode(), b"")
    headers = {name.lower() for name in response.headers} - {"set-cookie"}
    return response.status_code, response.headers.get("Content-Type"), frozenset(headers), content


def fingerprint(*, without: Iterable[str] = UNWATCHED) -> dict[str, Any]:
    """A hash of every table of ours, history and change-sets included."""
    there = set(connection.introspection.table_names())
    tables = sorted({model._meta.db_table for model in apps.get_models()} & there - set(without))
    prints = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")  # noqa: S608
            prints[table] = cursor.fetchone()
    return prints


def complaints(found: list[str]) -> str:
    return f"{len(found)} found:\n" + "\n".join(found[:60])


def walked(*guards: Guard) -> Iterator[tuple[str, Route]]:
    for path, route in ROUTES.items():
        if not guards or route.guard in guards:
            yield path, route


# Pages that change something when a form is sent to them.
FORM = re.compile(r"/(new|edit|delete|decide|close|answer|reply|members|discard|organisation)$")


# -- the walk --------------------------------------------------------------------------------------------------------


def test_every_route_is_declared_and_every_declaration_is_a_route() -> None:
    there = set(leaves())
    assert sorted(there - ROUTES.keys()) == [], "Routes that nobody declared in tests/routes.py"
    assert sorted(ROUTES.keys() - there) == [], "Declared in tests/routes.py, but no route"


def test_nobody_gets_past_the_door(stage: Stage) -> None:
    before, found = fingerprint(), []
    for path, route in walked(*set(Guard) - {Guard.DOOR}):
        for method in METHODS:
            response = ask(Client(), method, at(path, route, stage.seen), body(method, path, stage.cast, stage.seen))
            away = response.status_code == 302 and response.headers["Location"].startswith("/account/login?next=")
            if not (response.status_code == 401 if is_api(path) else away):
                found.append(f"{method} {path}: {response.status_code}")
            if CANARY.search(response.content) or b"plain text" in response.content:
                found.append(f"{method} {path}: tells something")
    assert not found, complaints(found)
    assert fingerprint() == before


def test_the_door_tells_nothing(stage: Stage) -> None:
    found = []
    for path, route in walked(Guard.DOOR):
        response = ask(Client(), "get", at(path, route, stage.seen))
        if response.status_code != route.shows and path not in ("/account/logout", "/healthz"):
            found.append(f"{path}: {response.status_code}")
        if CANARY.search(response.content) or b"plain text" in response.content:
            found.append(f"{path}: tells something")
    assert not found, complaints(found)


def test_to_the_outsider_hidden_is_missing(stage: Stage) -> None:
    page, api = session(stage.cast.outsider), token_client(stage.cast.outsider, "read", "write")
    before, found = fingerprint(), []
    for path, route in walked(Guard.PROGRAM, Guard.OWN):
        client = api if is_api(path) else page
        hidden, missing = at(path, route, stage.hidden), at(path, route, {})
        untold = {
            method: traces(ask(client, method, missing), missing) for method in METHODS[: 5 if is_api(path) else 3]
        }
        for method in METHODS:
            told = traces(ask(client, method, hidden), hidden)
            # A page knows GET, POST and what is neither.
            expected = untold.get(method, untold["put"])
            if told[0] not in (404, 405) or (told[0] == 405 and method == "get" and route.shows != BUTTON):
                found.append(f"{method} {path}: {told[0]}, not 404")
            if told != expected:
                found.append(f"{method} {path}: {told[0]} where a missing one gets {expected[0]}, or another body")
            if CANARY.search(told[3]):
                found.append(f"{method} {path}: tells something")
        if path.count("<") == 2 and route.guard is Guard.PROGRAM:
            mixed = path.replace("<key>", stage.seen["program"]).replace("<pk>", str(stage.hidden[route.noun]))
            if ask(client, "get", mixed).status_code not in (404, BUTTON):
                found.append(f"{path}: a hidden row shows below another program")
    assert not found, complaints(found)
    assert fingerprint() == before


@pytest.mark.parametrize("leads", [False, True], ids=["outsider", "leads the open program"])
def test_nothing_that_the_outsider_reads_names_what_is_hidden(entangled: Stage, leads: bool) -> None:
    """Neither pages nor, for who leads the program at the other end, the forms and their choices."""
    stage = entangled
    if leads:
        programs.services.give_role(program=stage.cast.na4, user=stage.cast.outsider, kind="lead", by=stage.cast.admin)
    page, api = session(stage.cast.outsider), token_client(stage.cast.outsider, "read", "write")
    # What is looked for is often repeated in the answer: half a canary, and a key in small letters, find as much.
    looked_for = ["", "?q=canar", "?program=dark", "?sort=-id", "?view=closed", "?state=all", "?lead=me"]
    looked_for.append("?group=area&sort=risk&format=csv")
    found = []
    for path, route in walked():
        client = api if is_api(path) else page
        for query in looked_for if "<" not in path and not leads else ("",):
            response = ask(client, "get", at(path, route, stage.seen) + query)
            if said := CANARY.search(response.content):
                found.append(f"{path}{query}: {response.content[max(0, said.start() - 80) : said.end() + 40]!r}")
    assert not found, complaints(found)


@pytest.mark.parametrize("who", ["outsider", "viewer", "read-only token", "expired token"])
def test_who_may_not_write_changes_nothing(stage: Stage, who: str) -> None:
    cast = stage.cast
    page: Client | None = None
    wanted, ids = REFUSED, stage.hidden
    if who == "outsider":
        page, api, ids = session(cast.outsider), token_client(cast.outsider, "read", "write"), stage.seen
    elif who == "viewer":
        page, api = session(cast.viewer), token_client(cast.viewer, "read", "write")
    elif who == "read-only token":
        api = token_client(cast.lead, "read")
    else:
        api, wanted = token_client(cast.lead, "read", "write", expired=True), {401}
    before, found = fingerprint(), []
    for path, route in walked(*set(Guard) - {Guard.DOOR}):
        client = api if is_api(path) else page
        if client is None or (page and (route.open_to_all or (route.guard is Guard.OWN and ids is stage.seen))):
            continue
        for method in WRITES:
            response = ask(client, method, at(path, route, ids), body(method, path, cast, ids))
            fine = response.status_code in wanted
            if not is_api(path):
                # A page without a form answers whatever is sent to it as it answers a GET.
                fine = fine or (response.status_code == 200 and not FORM.search(path))
            elif who in ("outsider", "viewer") and method == "post":
                fine = fine or response.status_code == 422  # it names what the writer does not see, or too little
            if not fine:
                found.append(f"{method} {at(path, route, ids)}: {response.status_code} {response.content[:200]!r}")
    assert not found, complaints(found)
    assert fingerprint() == before


@pytest.mark.parametrize("who", ["lead", "admin"])
def test_a_lead_and_an_administrator_open_every_page(stage: Stage, who: str) -> None:
    user: User = getattr(stage.cast, who)
    page, api = session(user), token_client(user, "read", "write")
    found = []
    for path, route in walked(*set(Guard) - {Guard.DOOR}):
        if route.guard is Guard.OWN and who != "lead":
            continue
        wanted = REFUSED if route.guard is Guard.ADMIN and who != "admin" else {route.shows}
        response = ask(api if is_api(path) else page, "get", at(path, route, stage.hidden))
        if response.status_code not in wanted:
            found.append(f"{at(path, route, stage.hidden)}: {response.status_code}, not {wanted}")
    assert not found, complaints(found)


def test_what_is_hidden_changes_nothing_that_the_outsider_reads(stage: Stage) -> None:
    """Totals, counts, orders and findings too: every answer is the same as if the private program were not there."""
    page, api = session(stage.cast.outsider), token_client(stage.cast.outsider, "read")

    def read() -> dict[str, tuple[Any, ...]]:
        return {
            path: traces(ask(api if is_api(path) else page, "get", at(path, route, stage.seen)))
            for path, route in walked(*set(Guard) - {Guard.DOOR, Guard.ADMIN})
        }

    api.get("/api/v1/me")  # that a token was used is shown
    there = read()
    RelatedLink.objects.filter(program=stage.cast.dark).delete()
    programs.services.delete_program(program=stage.cast.dark, by=stage.cast.admin)
    gone = read()
    assert [path for path in there if there[path] != gone[path]] == []


def test_an_outsider_cannot_name_what_is_hidden_in_a_write(stage: Stage) -> None:
    """Their own program refers to hidden rows: refused in the same words as rows that do not exist."""
    api = token_client(stage.cast.outsider, "read", "write")
    before, found = fingerprint(), []
    missing = {noun: row for noun, row in stage.hidden.items() if stage.seen[noun] == row}

    def sent(path: str, ids: Ids) -> tuple[int, bytes]:
        with transaction.atomic():
            response = ask(api, "post", path, body("post", path, stage.cast, ids))
            transaction.set_rollback(True)
        return response.status_code, re.sub(rb'"id":\d+|"\w+_at":"[^"]*"', b"", response.content)

    for path, route in walked(Guard.ANYONE):
        if is_api(path) and path.removeprefix("/api/v1/") in nouns and not route.open_to_all:
            for mine in ({}, {"program": "MINE"}):
                told, untold = sent(path, stage.hidden | mine), sent(path, missing | mine)
                if told != untold:
                    found.append(f"{path} {mine}: {told} but {untold}")
    assert not found, complaints(found)
    assert fingerprint() == before
