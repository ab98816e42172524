"""A letter leaves once: its bytes, its refusals, and what a stop in the middle leaves behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from forecasts.models import ProgramHealth
from people.models import User
from programs.models import Program, Role
from reports.letters import outbox
from reports.letters.links import unsubscribe_token
from reports.letters.mail import Mail
from reports.letters.writing import MOST_BYTES, Written
from reports.models import Letter, Subscription
from reports.plans import promises
from reports.plans import services as plans
from reports.replies import BROKE_OFF
from tests.conftest import FRIDAY, NOON, Api, Cast
from tests.reports.conftest import PostOffice, judge, part

State = Letter.State
CLAIM = outbox.claim_time()
WORDS = Written("s", "t", "h")
SignIn = Callable[[User], Client]


def subscribe(user: User, *, weekday: int = 4, hour: int = 12) -> Subscription:
    return plans.subscribe(user=user, by=user, at=NOON - timedelta(hours=1), weekday=weekday, hour=hour)


def run(at: datetime = NOON) -> int:
    promises.promise(at=at)
    promises.settle(at=at)
    return outbox.deliver(clock=lambda: at, way=Mail())


def the_letter() -> Letter:
    return Letter.objects.get()


def state_of(letter: Letter) -> str:
    letter.refresh_from_db()
    return letter.state


# -- what arrives ----------------------------------------------------------------------------------------------------


def test_both_parts_and_all_headers_arrive(portfolio: Cast, post_office: PostOffice) -> None:
    subscription = subscribe(portfolio.lead)
    assert run() == 1
    (mail,) = post_office.mails
    assert mail.get_content_type() == "multipart/alternative"
    assert mail["Subject"] == (
        "Week 47: Canary merger and Region NA-4 capacity are now off track, two decisions wait for you"
    )
    assert mail["To"] == "Lea Lead <lea@example.com>"
    assert mail["Message-ID"] == f"<2026-W47.{subscription.pk}.digest@tracker.example>"
    assert parsedate_to_datetime(mail["Date"]) == NOON
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https://tracker\.example/unsubscribe/[^\s<>]+>", mail["List-Unsubscribe"].strip())
    assert mail["List-Id"] == f"Weekly portfolio letter <plan-{subscription.plan_id}.tracker.example>"
    assert mail["References"] == f"<{subscription.pk}.thread@tracker.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    letter = the_letter()
    assert (letter.state, letter.sent_at, letter.error) == (State.SENT, NOON, "")
    for body in (part(mail, "plain"), part(mail, "html")):
        for words in (
            "Week 47, 14 to 20 Nov 2026",
            "ince 13 Nov",  # its end, as the page that the letter leads to says
            "Power: rent generators, or move the target?",
            "You are to decide by Wed 25 Nov",
            "Region NA-4 capacity",
            "Off track",
            "+34 d",
            "+8 d",
            "off track, was at risk on 13 Nov",
            "“Power on site” done on 18 Nov",
            "Power supplier folds",
            "https://tracker.example/p/NA4?as_of=2026-11-20",  # as it was, whenever the letter is read
            f"https://tracker.example/letters/{letter.pk}",
            "https://tracker.example/unsubscribe/",
            "https://tracker.example/settings/letters",
        ):
            assert words in body


def test_the_html_asks_for_nothing_from_outside(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.lead)
    run()
    html = part(post_office.mails[0], "html")
    assert not re.search(r"<(img|script|link|iframe|form|object)\b|url\(|\bsrc=|@import", html)
    assert "prefers-color-scheme:dark" in html
    assert 'scope="row"' in html
    assert "style=" in html
    assert "{{" not in html
    assert len(post_office.taken[0]) < MOST_BYTES


def test_the_second_letter_tells_what_came_after_the_first(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.lead)
    run()
    next_friday = NOON + timedelta(days=7)
    ProgramHealth.objects.all().delete()
    judge(portfolio.na4, FRIDAY - timedelta(days=1), "off_track", 34)
    judge(portfolio.na4, FRIDAY + timedelta(days=7), "at_risk", 20)
    run(next_friday)
    text = part(post_office.mails[1], "plain")
    assert "Week 48, 20 to 27 Nov 2026" in text
    assert "moved since 19 Nov" in text
    assert "Region NA-4 capacity is now at risk" in text
    assert "−14 d" in text


def test_without_stronger_news_the_longest_slip_is_the_news(cast: Cast, post_office: PostOffice) -> None:
    for program, slip in ((cast.na4, 4), (cast.dark, 2)):
        judge(program, FRIDAY - timedelta(days=7), "on_track", 0)
        judge(program, FRIDAY, "on_track", slip)
    subscribe(cast.lead)
    subscribe(cast.outsider)
    run()
    subjects = {mail["To"].split()[0]: mail["Subject"] for mail in post_office.mails}
    assert subjects == {
        "Lea": "Week 47: Region NA-4 capacity slipped 4 d, the most of two programs",
        "Otto": "Week 47: Region NA-4 capacity slipped 4 d",
    }


def test_a_letter_a_week_then_an_extra_one_on_demand(portfolio: Cast, post_office: PostOffice) -> None:
    subscription = subscribe(portfolio.viewer)
    for hours in (0, 1, 24, 100):
        run(NOON + timedelta(hours=hours))
    assert len(post_office.taken) == 1
    plans.send_now(subscription=subscription, by=portfolio.viewer, at=NOON + timedelta(hours=101))
    run(NOON + timedelta(hours=101))
    assert [mail["Message-ID"].split(".")[0] for mail in post_office.mails] == ["<2026-W47", "<2026-W48-x1"]


def test_an_outage_of_weeks_sends_one_letter(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)  # planned, and then nobody was there to send it
    run(NOON + timedelta(days=21))
    assert [mail["Message-ID"].split(".")[0] for mail in post_office.mails] == ["<2026-W50"]
    assert Letter.objects.get(period="2026-W47").state == State.MISSED


# -- what a reader may see -------------------------------------------------------------------------------------------


def test_a_private_program_is_in_no_letter_of_an_outsider(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.outsider)
    subscribe(portfolio.viewer)
    run()
    letters = {mail["To"]: post_office.taken[n] for n, mail in enumerate(post_office.mails)}
    by_reader = {mail["To"]: part(mail, "plain") + part(mail, "html") + mail["Subject"] for mail in post_office.mails}
    assert "Canary" in by_reader["Vera Viewer <vera@example.com>"]
    assert not re.search(r"Canary|DARK", by_reader["Otto Outsider <otto@example.com>"])
    assert b"DARK" not in letters["Otto Outsider <otto@example.com>"]
    stored = Letter.objects.get(subscription__user=portfolio.outsider)
    assert not re.search(r"Canary|DARK", stored.subject + stored.text + stored.html)
    assert "1 of 1" in stored.text


def test_rights_are_those_of_the_moment_of_sending(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    Role.objects.filter(user=portfolio.viewer, program=portfolio.dark).delete()
    run()
    assert b"Canary" not in post_office.taken[0]


def test_hostile_words_stay_words(portfolio: Cast, post_office: PostOffice) -> None:
    evil = "</td><script>alert(1)</script>\r\nBcc: all@example.com\u202e{{ 7|add:7 }}"
    Program.objects.filter(pk=portfolio.na4.pk).update(name=evil)
    User.objects.filter(pk=portfolio.viewer.pk).update(
        name='Vera", "x@evil.example" <y@evil.example>\r\nBcc: z@evil.example'
    )
    subscribe(User.objects.get(pk=portfolio.viewer.pk))
    run()
    (mail,) = post_office.mails
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["vera@example.com"]
    assert "\n" not in mail["Subject"]
    html, text = part(mail, "html"), part(mail, "plain")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7|add:7 }}" in text
    assert "\u202e" not in html + text
    assert not re.search(r"^Bcc:", text, re.MULTILINE)


def test_a_large_portfolio_stays_under_the_limit(cast: Cast, post_office: PostOffice) -> None:
    programs = Program.objects.bulk_create(
        Program(key=f"P{n}", name=f"<&'\" {n} " + "<" * 150, rank=n) for n in range(331)
    )
    for program in programs[::2]:
        judge(program, FRIDAY, "off_track", 40)
    subscribe(cast.lead)
    run()
    letter = the_letter()
    assert len(letter.html.encode()) + len(letter.text.encode()) < MOST_BYTES
    assert re.search(r"\d{3} more programs", letter.html)


def test_the_number_of_queries_does_not_grow_with_programs_or_readers(
    cast: Cast, post_office: PostOffice, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    programs = Program.objects.bulk_create(Program(key=f"P{n}", name=f"Program {n}") for n in range(60))
    for program in programs:
        judge(program, FRIDAY, "at_risk", 10)
    readers = [User.objects.create(email=f"r{n}@example.com", name=f"Reader {n}") for n in range(20)]
    for reader in readers:
        subscribe(reader)
    promises.promise(at=NOON)
    with django_assert_max_num_queries(20 * 10 + 25):  # transactions' own statements included
        assert outbox.deliver(clock=lambda: NOON, way=Mail()) == 20


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_temporary_refusal_is_tried_again_later(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    post_office.answers["vera@example.com"] = "451 4.7.1 Greylisted, come back"
    assert run() == 0
    letter = the_letter()
    assert (letter.state, letter.error) == (State.DUE, "451 4.7.1 Greylisted, come back")
    assert run(NOON + timedelta(seconds=30)) == 0
    assert the_letter().tries == 1
    del post_office.answers["vera@example.com"]
    assert run(NOON + timedelta(minutes=2)) == 1
    assert (the_letter().state, the_letter().error) == (State.SENT, "")


def test_pauses_grow_until_it_is_given_up(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    post_office.after_data = "452 4.2.2 Mailbox full"
    at, pauses = NOON, []
    for _ in range(promises.MOST_TRIES):
        run(at)
        claimed_until = the_letter().claimed_until
        assert claimed_until is not None
        pauses.append(claimed_until - at)
        at = claimed_until
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(minutes=1)
    assert pauses[-1] == timedelta(hours=4)
    run(at)
    assert (the_letter().state, the_letter().error) == (State.REFUSED, "452 4.2.2 Mailbox full")


def test_a_refusal_for_good_is_shown_and_final(portfolio: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    subscribe(portfolio.viewer)
    subscribe(portfolio.lead)
    post_office.answers["vera@example.com"] = "550 5.1.1 No such person"
    assert run() == 1
    letter = Letter.objects.get(subscription__user=portfolio.viewer)
    assert (letter.state, letter.error) == (State.REFUSED, "550 5.1.1 No such person")
    assert run(NOON + timedelta(days=1)) == 0
    page = sign_in(portfolio.viewer).get("/letters").content.decode()
    assert "There is no such mailbox. Correct the address, or take the reader off." in page
    assert "<code>550 5.1.1 No such person</code>" in page


def test_a_server_that_is_away_costs_no_try(portfolio: Cast, post_office: PostOffice, settings: Settings) -> None:
    subscribe(portfolio.viewer)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9  # nobody listens there
    assert run() == 0
    assert (the_letter().state, the_letter().tries) == (State.DUE, 0)
    assert "could not be reached" in the_letter().error
    settings.EMAIL_PORT = port
    assert run(NOON + timedelta(minutes=2)) == 1


# -- stops in the middle ---------------------------------------------------------------------------------------------


def test_a_stop_before_the_start_is_tried_again(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    assert len(outbox.claim(at=NOON)) == 1  # and then the worker is gone
    assert run(NOON + timedelta(minutes=1)) == 0
    assert run(NOON + CLAIM) == 1
    assert len(post_office.taken) == 1


def test_a_stop_before_data_becomes_unknown(portfolio: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    (letter,) = outbox.claim(at=NOON)
    assert outbox.start(letter, WORDS, at=NOON)  # and then the worker is gone
    for later in (timedelta(minutes=1), CLAIM, timedelta(days=1)):
        assert run(NOON + later) == 0
    assert post_office.taken == []
    assert the_letter().state == State.UNKNOWN
    assert "unknown" in sign_in(portfolio.viewer).get("/letters").content.decode()


def test_a_server_silent_in_data_leaves_unknown(portfolio: Cast, post_office: PostOffice, settings: Settings) -> None:
    subscribe(portfolio.viewer)
    settings.EMAIL_TIMEOUT = 1
    hold = threading.Event()
    post_office.at_data = lambda: hold.wait(3)
    assert run() == 0
    hold.set()
    assert the_letter().state == State.UNKNOWN
    assert the_letter().error.endswith(BROKE_OFF)
    assert run(NOON + timedelta(days=1)) == 0


def test_what_nobody_knows_is_sent_again_where_somebody_says_so(
    portfolio: Cast, post_office: PostOffice, sign_in: SignIn, api: type[Api]
) -> None:
    readers = [subscribe(user) for user in (portfolio.viewer, portfolio.outsider, portfolio.lead)]
    promises.promise(at=NOON)
    for letter in outbox.claim(at=NOON):
        assert outbox.start(letter, WORDS, at=NOON)  # and then the worker is gone
    viewer, other, admin = (sign_in(user) for user in (portfolio.viewer, portfolio.outsider, portfolio.admin))
    first, second, third = (Letter.objects.get(subscription=reader) for reader in readers)
    viewer.post(f"/letters/{first.pk}/again")
    assert state_of(first) == State.STARTED, "while it may still be on its way"
    promises.settle(at=NOON + CLAIM)
    page = viewer.get("/letters").text
    assert f'action="/letters/{first.pk}/again"' in page
    assert "If it did arrive, it arrives twice, under the same Message-ID." in page
    # Nobody else sends it; whoever keeps the plan does.
    assert other.post(f"/letters/{first.pk}/again").status_code == 404
    assert f'action="/letters/{second.pk}/again"' in admin.get(readers[0].plan.get_absolute_url()).text
    later = NOON + CLAIM + timedelta(minutes=1)
    assert run(later) == 0
    viewer.post(f"/letters/{first.pk}/again")
    admin.post(f"/letters/{second.pk}/again")
    path, body = f"subscriptions/{readers[2].pk}/send-again", {"period": third.period}
    assert api(portfolio.outsider).post(path, body).status_code == 404
    assert api(portfolio.lead).post(path, {"period": "2026-W01"}).status_code == 422
    assert api(portfolio.lead).post(path, body).status_code == 200
    assert run(later) == 3
    assert {mail["Message-ID"] for mail in post_office.mails} == {row.message_id for row in (first, second, third)}
    assert {state_of(row) for row in (first, second, third)} == {State.SENT}
    assert run(later + timedelta(hours=1)) == 0
    # Who wanted that, and when, is told where its state is.
    assert f"{portfolio.viewer.name} had it sent again, " in viewer.get("/letters").text
    assert f"{portfolio.admin.name} had it sent again, " in admin.get(readers[1].plan.get_absolute_url()).text
    [row] = api(portfolio.lead).get("letters").json()["data"]
    assert (row["again_by"], row["again_at"] is not None) == (portfolio.lead.pk, True)
    again = api(portfolio.lead).post(path, body)
    assert again.status_code == 422
    assert "It is known what became of this letter" in again.json()["errors"][0]["detail"]


def test_what_was_kept_before_letters_could_be_sent_again_says_so_too() -> None:
    for trouble in ("The server could not be reached: TimeoutError.", "Sending was interrupted."):
        now, before = (
            Letter(state=State.UNKNOWN, error=f"{trouble} It may have arrived; it is not sent again{end}").trouble
            for end in (" by itself.", ".")
        )
        assert now is not None
        assert "again by itself" in f"{now.happened} {now.todo}"
        assert before == now


def test_what_a_newer_letter_overtook_is_not_sent_again(
    portfolio: Cast, post_office: PostOffice, sign_in: SignIn
) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    letter = the_letter()
    Letter.objects.update(state=State.UNKNOWN, error="Sending was interrupted.")
    run(NOON + timedelta(days=7))
    client = sign_in(portfolio.viewer)
    assert "/again" not in client.get("/letters").text
    answer = client.post(f"/letters/{letter.pk}/again", follow=True)
    assert "A newer letter took its place." in answer.text
    assert state_of(letter) == State.UNKNOWN


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_data_leaves_unknown(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    worker: list[subprocess.Popen[bytes]] = []
    post_office.at_data = lambda: worker[0].kill()
    post_office.after_data = "451 the line is dead"  # a server that never took the last line keeps nothing
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    mail = f"smtp://{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    env = os.environ | {"DATABASE_URL": database, "EMAIL_URL": mail}
    code = "import django; django.setup(); from django.utils import timezone; from reports.letters import outbox; "
    code += "from reports.letters.mail import Mail; "
    worker.append(
        subprocess.Popen([sys.executable, "-c", f"{code}outbox.deliver(clock=timezone.now, way=Mail())"], env=env)
    )
    assert worker[0].wait(60) == -signal.SIGKILL
    assert the_letter().state == State.STARTED
    started_at = the_letter().started_at
    assert started_at is not None
    # Nothing is promised by the clock on the wall: another week's letter would be due.
    later = started_at + CLAIM
    promises.settle(at=later)
    assert outbox.deliver(clock=lambda: later, way=Mail()) == 0
    assert the_letter().state == State.UNKNOWN


@pytest.mark.django_db(transaction=True)
def test_the_start_is_committed_before_data(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    seen: list[str] = []

    def look() -> None:
        seen.extend(Letter.objects.values_list("state", flat=True))
        connection.close()

    post_office.at_data = look
    assert run() == 1
    assert seen == [State.STARTED]


def at_once(work: Callable[[], None], workers: int = 4) -> None:
    """Do the same in several threads, each with a connection of its own, all beginning together."""
    ready = threading.Barrier(workers)

    def one() -> None:
        ready.wait()
        work()
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def many_readers() -> None:
    for number in range(12):
        subscribe(User.objects.create(email=f"r{number}@example.com", name=f"Reader {number}"))


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_letter_once(portfolio: Cast, post_office: PostOffice) -> None:
    many_readers()
    sent: list[int] = []

    def work() -> None:
        promises.promise(at=NOON)
        sent.append(outbox.deliver(clock=lambda: NOON, way=Mail()))

    at_once(work)
    assert sum(sent) == 12
    assert len({mail["Message-ID"] for mail in post_office.mails}) == len(post_office.taken) == 12


@pytest.mark.django_db(transaction=True)
def test_a_letter_is_claimed_by_one_worker(portfolio: Cast) -> None:
    many_readers()
    promises.promise(at=NOON)
    claimed: list[int] = []

    def work() -> None:
        while letters := outbox.claim(at=NOON, most=2):
            claimed.extend(letter.pk for letter in letters)

    at_once(work)
    assert len(claimed) == len(set(claimed)) == 12


def test_a_claim_that_ran_out_starts_nothing(portfolio: Cast) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    (slow,) = outbox.claim(at=NOON)
    (quick,) = outbox.claim(at=NOON + CLAIM)
    assert not outbox.start(slow, WORDS, at=NOON + CLAIM)
    assert outbox.start(quick, WORDS, at=NOON + CLAIM)
    assert not outbox.start(quick, WORDS, at=NOON + CLAIM)


# -- no more letters -------------------------------------------------------------------------------------------------


def test_one_click_ends_it(portfolio: Cast, post_office: PostOffice) -> None:
    subscription = subscribe(portfolio.viewer)
    run()
    path = post_office.mails[0]["List-Unsubscribe"].strip(" <>").removeprefix("https://tracker.example")
    nobody = Client(enforce_csrf_checks=True)
    assert nobody.get(path).status_code == 200
    assert nobody.head(path).status_code == 200
    assert Subscription.objects.filter(pk=subscription.pk, ended_at=None).exists()
    for _ in range(2):
        answer = nobody.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert not Subscription.objects.filter(pk=subscription.pk, ended_at=None).exists()
    assert run(NOON + timedelta(days=7)) == 0


def test_a_forged_link_ends_nothing(portfolio: Cast, post_office: PostOffice) -> None:
    subscription = subscribe(portfolio.viewer)
    token = unsubscribe_token(subscription.pk)
    assert Client().post(f"/unsubscribe/{token[:-1]}x").status_code == 404
    assert Client().post("/unsubscribe/1").status_code == 404


def test_unsubscribing_calls_off_what_waits(portfolio: Cast, post_office: PostOffice) -> None:
    subscription = subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    (letter,) = outbox.claim(at=NOON)
    plans.end_subscription(subscription=subscription, by=portfolio.viewer, at=NOON)
    assert not outbox.start(letter, WORDS, at=NOON)
    assert the_letter().state == State.SKIPPED
    assert run(NOON + timedelta(days=1)) == 0


def test_who_left_gets_nothing(portfolio: Cast, post_office: PostOffice) -> None:
    subscribe(portfolio.viewer)
    promises.promise(at=NOON)
    User.objects.filter(pk=portfolio.viewer.pk).update(is_active=False)
    assert run() == 0
    assert the_letter().state == State.SKIPPED
