"""What the frame around every page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import waiting
from forecasts.models import ProgramHealth, Run
from forecasts.pending import awaited, edited
from forecasts.policy import newest_policy
from history import past
from people.models import Job, User
from people.pages import SignedIn, organisation_of, zone_of
from programs.models import Notice, Program, Role, Subject, Watch
from programs.models.program import BY_RANK
from reports.updates.due import day_of, due_of
from tpm import broker

MOST_OWN_PROGRAMS = 8


class Place(NamedTuple):
    """A page of the side navigation; ``on_phone`` it is in the bar, beside the inbox, and the others stand below."""

    path: str
    icon: str
    label: str | Promise
    on_phone: bool = False
    key: str = ""


PORTFOLIO = (
    Place("/", "grid", lazy("Portfolio"), on_phone=True, key="g p"),
    Place("/roadmap", "road", lazy("Roadmap"), key="g r"),
    Place("/dependencies", "graph", lazy("Dependencies"), on_phone=True, key="g d"),
    Place("/trends", "trend", lazy("Trends"), on_phone=True, key="g t"),
    Place("/risks", "risk", lazy("Risks"), on_phone=True),
    Place("/decisions", "gavel", lazy("Decisions")),
    Place("/review", "doc", lazy("Review")),
    Place("/quality", "check", lazy("Schedule quality")),
    Place("/changes", "clock", lazy("Changes")),
    Place("/problems", "swap", lazy("Problems")),
    Place("/teams", "team", lazy("Teams")),
    Place("/objectives", "target", lazy("Objectives")),
    Place("/kpis", "chart", lazy("KPIs")),
)
PERSONAL = (
    Place("/inbox", "inbox", lazy("Inbox"), key="g i"),
    Place("/updates/mine", "pencil", lazy("My updates"), key="g u"),
    Place("/plan", "cal", lazy("Communication plan")),
    Place("/letters", "mail", lazy("Letters")),
)
SETTINGS = (
    Place("/settings", "gear", lazy("Settings")),
    Place("/settings/profile", "gear", lazy("Settings")),
    Place("/settings/tokens", "gear", lazy("Settings")),
)


@cache
def is_there(path: str) -> bool:
    """Whether an address leads to a page; found out once, for addresses do not change while a process runs."""
    return bool(is_valid_path(path))


def existing(places: tuple[Place, ...]) -> list[Place]:
    return [place for place in places if is_there(place.path)]


def own_programs(user: User) -> list[Program]:
    """Open programs that a person watches, then those that they have a part in; each with its health."""
    return list(Program.objects.raw(*_own_programs(user, user.is_admin)))


# What the frame asks differs by who asks and of what alone: as SQL, for writing it anew would cost every page.
@lru_cache(maxsize=1_000)
def _own_programs(user: User, is_admin: bool) -> tuple[str, tuple[Any, ...]]:
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    starred = Watch.objects.filter(user=user, kind=Subject.PROGRAM, subject_id=OuterRef("pk"))
    rows = (
        Program.objects.visible_to(user)
        .filter(Q(pk__in=Program.objects.with_part(user).values("pk")) | Q(Exists(starred)))
        .open()
        .only("key", "name")
        .annotate(derived=Subquery(newest.values("health")[:1]), starred=Exists(starred))
        .order_by("-starred", *BY_RANK)[:MOST_OWN_PROGRAMS]
    )
    return rows.query.sql_with_params()


def pulse(user: User, key: str = "") -> dict[str, Any]:
    """When a program (or all of them) was last forecast, whether a new forecast is on its way, how far a sweep is, what
    is in the inbox, and a stamp.

    ``inbox`` is what is unread and what waits for the reader, ``waits`` the latter by kind, ``led`` the programs that
    they lead by a role.
    The stamp differs once anything that the reader sees of the program was written or forecast. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(*_pulse(user, user.is_admin, key))
        written, at, pending, told, jobs, updates, led_by, *todos = cursor.fetchone()
    waits = Counter({"update": updates or 0})
    for kind, count in zip(waiting.KINDS, todos, strict=True):
        waits[kind] += count or 0
    progress = broker.progress()
    new = (told or 0) + (jobs or 0)
    far = f"-{progress.done}" if progress else ""
    return {
        "at": at,
        "pending": pending,
        "progress": progress,
        "unread": new,
        "inbox": new + waits.total(),
        "waits": waits,
        "led": led_by,
        "told": told or 0,
        "updates": updates or 0,
        "stamp": f"{written or 0}-{at.timestamp() if at else 0:.6f}-{new}{far}",
    }


@lru_cache(maxsize=1_000)
def _pulse(user: User, is_admin: bool, key: str) -> tuple[str, tuple[Any, ...]]:
    programs = Program.objects.visible_to(user).order_by()
    computed: QuerySet[Any] = Run.objects.order_by()
    if key:
        programs = programs.filter(key=key)
        computed = ProgramHealth.objects.visible_to(user).filter(program__key=key).order_by()
    times = Sum(F("revisions__revision") + F("revisions__plan_revision"))
    counted = [
        Notice.objects.visible_to(user).unread(),
        Job.objects.visible_to(user).unread(),
        due_of(user),
    ]
    led = Role.objects.filter(user=user, kind=Role.Kind.LEAD).order_by().values("program")
    rows = User.objects.filter(pk=user.pk).values_list(
        Subquery(programs.values(all=Value(1)).annotate(times=times).values("times")),
        Subquery(computed.values(all=Value(1)).annotate(at=Max("computed_at")).values("at")),
        Exists(awaited(programs) if key else edited(programs)),
        *(_count(rows) for rows in counted),
        ArraySubquery(led),
        *(_count(rows) for rows in waiting.everything(user, day_of(Now()))),
    )
    return rows.order_by().query.sql_with_params()


def _count(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.order_by().values(all=Value(1)).annotate(count=Count("pk")).values("count"))


class FrameMiddleware:
    """Lets a page ask once for what its frame says of today: a page of the past does before it looks back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SignedIn) -> HttpResponse:
        request.of_today = cache(partial(of_today, request))
        return self.get_response(request)


def of_today(request: SignedIn) -> tuple[list[Program], dict[str, Any]]:
    """What the frame says of the reader's programs and of the forecast."""
    return own_programs(request.user), pulse(request.user, key_of(request))


def key_of(request: HttpRequest) -> str:
    """The key of the program that a page is about, if any."""
    return request.resolver_match.kwargs.get("key", "") if request.resolver_match else ""


def frame(request: SignedIn) -> dict[str, Any]:
    """Lazy, so that a page without the frame asks the database nothing."""
    user: User | AnonymousUser = request.user
    context: dict[str, Any] = {
        "organisation": SimpleLazyObject(lambda: organisation_of(request)[0] or _("Portfolio")),
        "organisation_zone": SimpleLazyObject(lambda: zone_of(request)),
    }
    if isinstance(user, User):
        key = key_of(request)
        context |= {
            # Empty where pages follow the reader's device, as they do before signing in.
            "theme": "" if user.appearance == User.Appearance.SYSTEM else user.appearance,
            "portfolio_places": existing(PORTFOLIO),
            "personal_places": existing(PERSONAL),
            "settings_place": next(iter(existing(SETTINGS)), None),
            "own_programs": SimpleLazyObject(lambda: request.of_today()[0]),
            "forecast_run": SimpleLazyObject(lambda: request.of_today()[1]),
            "as_of": past.day(),
            # What a slip is coloured by, on the pages that show one.
            "policy": SimpleLazyObject(newest_policy),
            "pulse_url": f"/pulse?{urlencode({'program': key})}" if key else "/pulse",
        }
    return context
