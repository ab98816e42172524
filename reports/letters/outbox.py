"""The letters' way out: claimed before they are written, started before they are sent.

A stop before ``started`` is tried again. After it nobody knows whether the letter arrived: it becomes ``unknown``,
is shown, and is never sent again by itself. Which way a letter leaves (mail, webhook, page) makes no difference here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from reports.letters.desk import Desk, open_desk
from reports.letters.writing import Written, write
from reports.models import Letter, Plan
from reports.plans.promises import MOST_CLAIMS, MOST_TRIES
from reports.replies import AWAY, BROKE_OFF

# Well below the task's time limit, which would end it in the middle of a letter.
ONE_RUN = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=4)
# So many are claimed and written together. More would make rights older than they must be by the time of sending.
BATCH = 80
# Written out, for the ORM knows no statement that changes two rows in two ways.
END_LAST = """
    WITH ended AS (UPDATE reports_letter SET state = 'sent', sent_at = %s, claimed_until = NULL WHERE id = %s)
"""
BEGIN = """
    UPDATE reports_letter
    SET state = 'started', started_at = %s, claimed_until = %s, tries = %s, subject = %s, text = %s, html = %s,
        facts = %s, error = ''
    WHERE id = %s AND state = 'due' AND claims = %s AND claimed_until > %s
"""
# Letters written longer ago than this are written anew: rights are those of the moment of sending.
FRESH = timedelta(seconds=30)


def claim_time() -> timedelta:
    """Longer than writing and sending a batch may take (EMAIL_TIMEOUT for each answer of the server)."""
    return timedelta(seconds=settings.LETTER_CLAIM_S)


class Refused(Exception):
    """The other side will not take this letter, now or ever."""


class NotNow(Exception):
    """The other side did not take this letter but may do so later."""


class Way(Protocol):
    """How letters leave. ``post`` raises NotNow and Refused; whatever else goes wrong there leaves ``unknown``."""

    channel: str
    away: tuple[type[Exception], ...]

    def open(self) -> None:
        """Be ready to post; raise one of ``away`` where nobody answers. Nothing has started yet."""

    def post(self, letter: Letter) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What became of a letter that was posted, until it is written down."""

    letter: Letter
    state: Letter.State
    at: datetime
    error: str = ""


def deliver(*, clock: Callable[[], datetime], way: Way) -> int:
    """Send what is due until nothing is left to claim or the time is up; return how many letters went out.

    Several may run at once: each claims a few letters at a time. A server that is away makes all of them wait.
    """
    sent, desk, until = 0, open_desk(), clock() + ONE_RUN
    try:
        while (now := clock()) < until and (letters := claim(at=now, channel=way.channel)):
            done, answers = _send(letters, way=way, desk=desk, clock=clock)
            sent += done
            if not answers:
                break
    finally:
        way.close()
    return sent


@transaction.atomic(durable=True)
def claim(*, at: datetime, channel: str = Plan.Channel.EMAIL, most: int = BATCH) -> list[Letter]:
    """Take some due letters so that nobody else does until the claim runs out."""
    letters = list(
        claimable(at, channel)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related(
            "subscription__user",
            "subscription__granted_by",
            "subscription__plan__program",
            "subscription__plan__owner",
            "subscription__plan__view__owner",
            "subscription__secret",
        )
        .defer("text", "html", "facts")
        .order_by("claims", "due_at", "id")[:most]
    )
    for letter in letters:
        letter.claimed_until = at + claim_time()
        letter.claims += 1
    if letters:
        Letter.objects.filter(pk__in=[letter.pk for letter in letters]).update(
            claimed_until=at + claim_time(), claims=F("claims") + 1
        )
    return letters


def claimable(at: datetime, channel: str) -> QuerySet[Letter]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=at)
    return Letter.objects.filter(
        free,
        subscription__plan__channel=channel,
        state=Letter.State.DUE,
        due_at__lte=at,
        tries__lt=MOST_TRIES,
        claims__lt=MOST_CLAIMS,
    )


def _send(letters: Sequence[Letter], *, way: Way, desk: Desk, clock: Callable[[], datetime]) -> tuple[int, bool]:
    """Write claimed letters, then send one after the other; how many went out, and whether the server answers."""
    sent = 0
    waiting = list(letters)
    last: Outcome | None = None
    written_at, words = clock(), {}
    try:
        words = _written(waiting, at=written_at, desk=desk)
        while waiting:
            letter = waiting[0]
            if clock() - written_at > FRESH:
                written_at = clock()
                words = _written(waiting, at=written_at, desk=open_desk())
            if words[letter.pk].not_sent:
                waiting.pop(0)
                _set_aside(letter, words[letter.pk].not_sent)
                continue
            try:
                way.open()
            except way.away as trouble:
                # The server is away, which is no letter's fault: no try is counted, and the others wait as well.
                _release(waiting, at=clock() + FIRST_PAUSE, error=said(trouble))
                waiting = []
                return sent, False
            waiting.pop(0)
            started = start(letter, words[letter.pk], at=clock(), last=last)
            last = _attempt(letter, way, clock) if started else None
            if last and last.state == Letter.State.SENT:
                sent += 1  # written down together with the start of the next one
            elif last:
                _put_down(last)
                last = None
    finally:
        if last:
            _put_down(last)
        # Where sending or writing broke off, what was not begun is free at once.
        _release(waiting, at=None, error="")
    return sent, True


def _written(letters: list[Letter], *, at: datetime, desk: Desk) -> dict[int, Written]:
    """The words of each. One that cannot be written keeps its claim, so that it does not hold up the others."""
    words: dict[int, Written] = {}
    try:
        for letter, one in zip(letters, write(letters, at=at, desk=desk), strict=True):
            words[letter.pk] = one
    finally:
        if len(words) < len(letters):
            del letters[len(words)]
    return words


def _attempt(letter: Letter, way: Way, clock: Callable[[], datetime]) -> Outcome:
    try:
        way.post(letter)
    except NotNow as answer:
        return Outcome(letter, Letter.State.DUE, clock(), str(answer))
    except Refused as answer:
        return Outcome(letter, Letter.State.REFUSED, clock(), str(answer))
    except way.away as trouble:
        error = f"{said(trouble)}. {BROKE_OFF}"
        return Outcome(letter, Letter.State.UNKNOWN, clock(), error)
    return Outcome(letter, Letter.State.SENT, clock())


def start(letter: Letter, words: Written, *, at: datetime, last: Outcome | None = None) -> bool:
    """Commit that sending begins, before it does, and in the same statement that the last letter is sent.

    False when the claim ran out or the letter was called off.
    """
    letter.state, letter.started_at, letter.claimed_until = Letter.State.STARTED, at, at + claim_time()
    letter.subject, letter.text, letter.html, letter.facts = words.subject, words.text, words.html, words.facts
    letter.error = ""
    letter.tries += 1
    began = (
        *(at, letter.claimed_until, letter.tries, letter.subject, letter.text, letter.html, json.dumps(letter.facts)),
        *(letter.pk, letter.claims, at),
    )
    with connection.cursor() as cursor:
        if last is None:
            cursor.execute(BEGIN, began)
        else:
            cursor.execute(f"{END_LAST} {BEGIN}", [last.at, last.letter.pk, *began])
        return bool(cursor.rowcount)


def said(trouble: Exception) -> str:
    return f"{AWAY}{trouble}"[:400]


def _put_down(outcome: Outcome) -> None:
    """Write down what became of a letter; one to be tried again waits, unless somebody called it off meanwhile."""
    letter = outcome.letter
    row = Letter.objects.filter(pk=letter.pk, claims=letter.claims)
    if outcome.state == Letter.State.DUE:
        pause = min(FIRST_PAUSE * 2 ** (letter.tries - 1), LONGEST_PAUSE)
        row.filter(state=Letter.State.STARTED).update(
            state=Letter.State.DUE, claimed_until=outcome.at + pause, error=outcome.error[:500]
        )
        return
    row.update(
        state=outcome.state,
        error=outcome.error[:500],
        sent_at=outcome.at if outcome.state == Letter.State.SENT else None,
        claimed_until=None,
    )


def _set_aside(letter: Letter, because: str) -> None:
    Letter.objects.filter(pk=letter.pk, state=Letter.State.DUE, claims=letter.claims).update(
        state=Letter.State.SKIPPED, error=because[:500], claimed_until=None
    )


def _release(letters: Sequence[Letter], *, at: datetime | None, error: str) -> None:
    """Give claims back before they were used."""
    for letter in letters:
        Letter.objects.filter(pk=letter.pk, state=Letter.State.DUE, claims=letter.claims).update(
            claimed_until=at, claims=letter.claims - 1, error=error
        )
