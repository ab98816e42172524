"""The cast everyone knows, and the rules of every test: no socket beyond this machine, real servers."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import timezone

import people.services
import programs.services
from milestones.models import SlipCause
from people.models import Organisation, User
from programs.models import Program, Role

ROOT = Path(__file__).resolve().parent.parent
# Real data written by others lies beside the project, where it is given; it never becomes part of it.
SHARED = Path(os.environ.get("TPM_SHARED", ROOT.parent / "shared"))

FRIDAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def pytest_collection_finish() -> None:
    """What is there before the first test stays until the last: the collector need not walk over it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(autouse=True, scope="session")
def quick_wiping() -> Iterator[None]:
    """After a test with transactions of its own, empty the tables that hold rows: truncating all makes them anew."""
    truncate = DatabaseOperations.sql_flush

    def wipe(self: DatabaseOperations, style: Any, tables: Sequence[str], **how: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
            if cursor.fetchone() != (True,):
                return truncate(self, style, tables, **how)
            # Names of our own tables, from Django.
            anything = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)  # noqa: S608
            cursor.execute(" UNION ALL ".join(anything))
            filled = [name for (name,) in cursor.fetchall()]
        # No trigger speaks then: history keeps its rows otherwise, and foreign keys would ask for an order.
        emptied = [f"DELETE FROM {name}" for name in filled]  # noqa: S608 - our tables
        return ["SET LOCAL session_replication_role = replica", *emptied]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", wipe)
        yield


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Nobody guesses at them here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScryptPasswordHasher, "work_factor", 2)
        yield


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave the machine: a test that needs the world is not a test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"A test tried to reach {address[0]}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def unhashed_static(settings: Any) -> None:
    """Pages name static files as they lie in static/: nothing is collected for a test."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.STATIC_ROOT = str(ROOT / "static")


@pytest.fixture(autouse=True, scope="session")
def place_for_static() -> None:
    """The test server's own start looks for the folder of collected files, before any test's settings."""
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True)
class Cast:
    """One administers, one leads, one contributes, one views, one is outside. NA4 is open, DARK is private."""

    organisation: Organisation
    admin: User
    lead: User
    contributor: User
    viewer: User
    outsider: User
    na4: Program
    dark: Program
    cause: SlipCause


@pytest.fixture
def cast(db: None) -> Cast:
    organisation = people.services.set_up_organisation(name="Infrastructure")
    admin, lead, contributor, viewer, outsider = (
        User.objects.create(email=f"{name.split()[0].lower()}@example.com", name=name, is_admin=name == "Ada Admin")
        for name in ("Ada Admin", "Lea Lead", "Cem Contributor", "Vera Viewer", "Otto Outsider")
    )
    na4 = programs.services.create_program(by=admin, key="NA4", name="Region NA-4 capacity", lead=lead)
    dark = programs.services.create_program(
        by=admin, key="DARK", name="Canary merger", lead=lead, visibility=Program.Visibility.PRIVATE
    )
    for program in (na4, dark):
        programs.services.give_role(program=program, user=contributor, kind=Role.Kind.CONTRIBUTOR, by=lead)
        programs.services.give_role(program=program, user=viewer, kind=Role.Kind.VIEWER, by=lead)
    cause, _ = SlipCause.objects.get_or_create(name="Supplier late")
    return Cast(organisation, admin, lead, contributor, viewer, outsider, na4, dark, cause)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser-like client for a person: ``sign_in(cast.lead).get("/")``."""

    def for_person(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return for_person


class Api:
    """A program that talks to the API with a person's token; answers are Django's, with ``.json()``."""

    def __init__(self, user: User, scopes: Iterable[str] = ("read", "write")) -> None:
        today = people.services.today(timezone.now())
        _, secret = people.services.issue_token(
            user=user, name="Test", scopes=scopes, expires_on=today + timedelta(days=1), today=today
        )
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> Any:
        headers = query.pop("headers", None)
        return self.client.get(f"/api/v1/{path}", query, headers=headers)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json", **options)

    def patch(self, path: str, body: Any, **options: Any) -> Any:
        """Change what is there now, unless If-Match says what was read."""
        if "headers" not in options:
            options["headers"] = {"If-Match": self.client.get(f"/api/v1/{path}").headers["ETag"]}
        return self.client.patch(f"/api/v1/{path}", body, content_type="application/json", **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.client.delete(f"/api/v1/{path}", **options)


@pytest.fixture
def api(db: None) -> type[Api]:
    """``api(cast.lead).get("milestones", program="NA4")``."""
    return Api
