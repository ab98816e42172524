"""The cast everyone knows, and the rules of every test: no socket beyond this machine, real servers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

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
def sign_in() -> Iterator[Any]:
    """A browser-like client for a person: ``sign_in(cast.lead).get("/")``."""

    def for_person(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    yield for_person
