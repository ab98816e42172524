"""A real mail server on loopback, and the programs that letters tell of."""

from __future__ import annotations

import asyncio
import email.policy
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

import milestones.services
import risks.services
from forecasts.models import ProgramHealth
from programs.models import Program
from tests.conftest import FRIDAY, NOON, Cast

OK = "250 OK"


@dataclass
class PostOffice:
    """What the mail server answers, and the bytes that it took."""

    answers: dict[str, str] = field(default_factory=dict)  # by recipient, to RCPT
    after_data: str = OK
    at_data: Callable[[], object] = lambda: None
    taken: list[bytes] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, OK)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.to_thread(self.at_data)
        if self.after_data == OK:
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
        return self.after_data

    @property
    def mails(self) -> list[EmailMessage]:
        parser = BytesParser(_class=EmailMessage, policy=email.policy.default)
        return [parser.parsebytes(content) for content in self.taken]


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def post_office(settings: Settings) -> Iterator[PostOffice]:
    office = PostOffice()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(office, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 5
    settings.SITE_URL = "https://tracker.example"
    yield office
    controller.stop()


def judge(program: Program, day: date, health: str, slip: int | None, *, at: datetime = NOON) -> ProgramHealth:
    """What the forecast said of a program on a day."""
    target = date(2027, 1, 15)
    return ProgramHealth.objects.create(
        program=program,
        day=day,
        health=health,
        finish_on=None if slip is None else target,
        p50_on=None if slip is None else target + timedelta(days=slip - 10),
        p80_on=None if slip is None else target + timedelta(days=slip),
        target_on=target,
        slip_days=slip,
        policy_version=1,
        plan_revision=1,
        revision=1,
        computed_at=at,
    )


@pytest.fixture
def portfolio(cast: Cast) -> Cast:
    """A week of news in both programs, the open and the private one."""
    for program, word in ((cast.na4, "Power"), (cast.dark, "Canary")):
        judge(program, FRIDAY - timedelta(days=7), "at_risk", 26)
        judge(program, FRIDAY, "off_track", 34)
        milestone = milestones.services.create_milestone(
            program=program, by=cast.lead, today=FRIDAY, name=f"{word} on site"
        )
        milestones.services.change_milestone(
            milestone=milestone, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY - timedelta(days=2)
        )
        risks.services.create_risk(program=program, by=cast.lead, today=FRIDAY, title=f"{word} supplier folds")
        risks.services.create_decision(
            program=program,
            by=cast.lead,
            today=FRIDAY,
            question=f"{word}: rent generators, or move the target?",
            decider=cast.lead,
            decide_by_on=FRIDAY + timedelta(days=5),
        )
    return cast
