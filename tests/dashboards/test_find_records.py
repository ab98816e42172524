"""The search over all nouns: what it finds, in which order, for whom, and what it asks the database."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from django.db import connection

import metrics.services
import milestones.services
import people.services
import programs.services
import reports.updates.services
import risks.services
from dashboards.search import BY_NAME, NOUNS, Hit, _matching, search
from dashboards.templatetags.words import short_date
from milestones.models import Milestone
from people.models import User
from people.search import plain
from programs import talk
from programs.models import Program
from reports.models import Update
from tests.conftest import FRIDAY, NOON, Api
from tests.programs.test_comment import hostile

if TYPE_CHECKING:
    from tests.conftest import Cast


@pytest.fixture
def furnished(cast: Cast) -> Cast:
    """One row of every noun about a gasket in NA4, and about a canary in DARK."""
    by, team = cast.lead, "Gasket fitters"
    for program, word in ((cast.na4, "Gasket"), (cast.dark, "Canary")):
        owned: dict[str, Any] = {"program": program, "by": by}
        milestones.services.create_milestone(**owned, today=FRIDAY, name=f"{word} fitted", external_key=f"{word}-77")
        milestones.services.create_requirement(**owned, today=FRIDAY, text=f"{word} holds 9 bar")
        risks.services.create_risk(**owned, today=FRIDAY, title=f"{word} leaks", effect="A wet floor of the hall")
        risks.services.create_issue(**owned, today=FRIDAY, title=f"{word} lost")
        risks.services.create_decision(**owned, today=FRIDAY, question=f"Which {word.lower()}?", decider=by)
        metrics.services.create_kpi(**owned, name=f"{word}s fitted")
        update = reports.updates.services.begin_update(
            **owned, at=NOON, health="on_track", text=f"The {word.lower()} is here.", ask="", path_to_green="Hurry."
        )
        reports.updates.services.publish_update(update=update, by=by, at=NOON)
        reports.updates.services.begin_update(**owned, at=NOON, text=f"A draft about the {word.lower()}")
    programs.services.change_program(program=cast.na4, by=cast.admin, summary="Everything about gaskets")
    risks.services.open_problem(by=by, today=FRIDAY, title="Gasket supply")
    programs.services.create_objective(by=cast.admin, title="No gasket ever leaks")
    people.services.create_team(name=team, by=cast.admin)
    User.objects.create(email="g@example.com", name="Gail Gasket")
    return cast


def hits(viewer: User, asked: str) -> list[Hit]:
    return [hit for group in search(viewer, asked, most=10) for hit in group.hits]


def names(viewer: User, asked: str) -> list[str]:
    return [hit.noun.name for hit in hits(viewer, asked)]


def test_every_noun_is_found_and_its_address_leads_there(furnished: Cast, sign_in: Any) -> None:
    found = hits(furnished.outsider, "gasket")
    assert sorted(hit.noun.name for hit in found) == sorted(BY_NAME), "One of each; a draft is not found"
    client = sign_in(furnished.outsider)
    for hit in found:
        page = client.get(hit.url)
        assert page.status_code == 200, hit.url
        assert "gasket" in page.text.lower() or hit.noun.name == "person", hit.url
    answer = client.get("/search", {"q": "gasket"}).text
    assert all(f'href="{hit.url}"' in answer for hit in found)


@pytest.mark.parametrize("asked", ["canary", "Canar", "canary-77", "DARK", "merger", "anary holds", "wet floor canary"])
def test_what_is_hidden_is_not_found(furnished: Cast, sign_in: Any, asked: str) -> None:
    assert hits(furnished.lead, "canary")
    assert not hits(furnished.outsider, asked)
    assert not [hit for hit in hits(furnished.outsider, "canarry") if "anary" in hit.title]
    client = sign_in(furnished.outsider)
    for page in (f"/search?q={asked}", f"/palette?q={asked}"):
        # What was asked for is repeated, and nothing else says it.
        repeated = f"{re.escape(asked)}|{re.escape(quote_plus(asked))}"
        text = re.sub(repeated, "", client.get(page).text, flags=re.IGNORECASE)
        assert not re.search("anary|DARK|merger", text), page
    assert Api(furnished.outsider).get("search", q=asked).json() == {"data": []}


def test_a_key_comes_first(furnished: Cast) -> None:
    risk, decision = (hits(furnished.lead, word)[0] for word in ("gasket leaks", "which gasket"))
    milestones.services.create_milestone(
        program=furnished.na4, by=furnished.lead, today=FRIDAY, name=f"{risk.key} and {decision.key} closed for NA4"
    )
    for hit in (risk, decision):
        for asked in (hit.key, hit.key.lower()):
            first, *rest = hits(furnished.viewer, asked)
            assert (first.key, first.rank) == (hit.key, 0)
            assert [one.noun.name for one in rest] == ["milestone"]
    assert names(furnished.viewer, "na4")[0] == "program"
    assert names(furnished.viewer, "Gasket-77") == ["milestone"], "A key of another tool"
    assert not hits(furnished.viewer, "R-999999999999999999")
    assert not hits(furnished.viewer, "X-1")


def test_a_number_means_that_row_alone_of_its_noun(cast: Cast) -> None:
    """R-4 lists neither R-20, whose texts hold a 4 and an R, nor a milestone of which they say as much."""
    owned: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": FRIDAY}
    risk = risks.services.create_risk(**owned, title="Racks come late")
    key = f"R-{risk.pk}"
    risks.services.create_risk(**owned, title="Roof leaks", effect=f"{risk.pk}0 racks get wet, as {key} says")
    milestones.services.create_milestone(**owned, name="Racks in", note=f"Ready with {risk.pk} racks")
    milestones.services.create_milestone(**owned, name="Roof tight", note=f"Because of {key} above all")
    found = hits(cast.viewer, key)
    assert [(hit.noun.name, hit.title) for hit in found] == [("risk", "Racks come late"), ("milestone", "Roof tight")]


def test_what_is_shown_of_a_long_text_ends_with_a_word(cast: Cast) -> None:
    words = "The gasket is here. " + "Everybody waits for the transformer yard, says the lead. " * 4
    update = reports.updates.services.begin_update(
        program=cast.na4, by=cast.lead, at=NOON, health="on_track", text=words
    )
    reports.updates.services.publish_update(update=update, by=cast.lead, at=NOON)
    [hit] = hits(cast.viewer, "gasket here")
    assert hit.title.endswith("…")
    assert words.startswith(hit.title.removesuffix("…") + " ")
    milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="引" * 190)
    assert [hit.title for hit in hits(cast.viewer, "引引")] == ["引" * 160 + "…"]


def test_an_update_is_shown_where_the_word_stands_without_marks_and_with_its_day(cast: Cast) -> None:
    lines = [*["- Everybody waits for the yard.", "- Nothing else is said."] * 6, "- The Gasket \\*2\\* is here."]
    update = reports.updates.services.begin_update(
        program=cast.na4, by=cast.lead, at=NOON, health="on_track", text="\n".join(lines)
    )
    reports.updates.services.publish_update(update=update, by=cast.lead, at=NOON)
    [hit] = hits(cast.viewer, "gask")
    assert hit.title == "… for the yard. Nothing else is said. The Gasket *2* is here."
    assert hit.detail == f"{cast.na4.name}, {short_date(NOON.date())}"
    [hit] = hits(cast.viewer, "everybody")
    assert hit.title.startswith("Everybody waits for the yard. Nothing else is said. Everybody waits")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # A hundred letters without a space before the word, and as many behind it.
        ("電" * 100 + "変圧器" + "力" * 200, "… " + "電" * 50 + "変圧器" + "力" * 106 + "…"),
        ("- ok.\n" * 20 + "- 変圧器 " + "wait for the transformer yard " * 9, None),
    ],
)
def test_what_was_looked_for_is_in_what_is_shown(cast: Cast, text: str, shown: str | None) -> None:
    update = reports.updates.services.begin_update(
        program=cast.na4, by=cast.lead, at=NOON, health="on_track", text=text
    )
    reports.updates.services.publish_update(update=update, by=cast.lead, at=NOON)
    [hit] = hits(cast.viewer, "変圧器")
    assert "変圧器" in hit.title
    if shown:
        assert hit.title == shown
    else:
        assert hit.title.endswith((" wait…", " for…", " the…", " transformer…", " yard…"))


def test_titles_go_before_texts_and_beginnings_before_the_rest(cast: Cast) -> None:
    for name, note in (("Old pump", ""), ("Pump", ""), ("Drain", "needs the pump"), ("Pumpkin", "")):
        milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name, note=note)
    found = [hit.title for hit in hits(cast.viewer, "pump")]
    assert found == ["Pump", "Pumpkin", "Old pump", "Drain"]
    assert [hit.title for hit in hits(cast.viewer, "PUMP old")] == ["Old pump"], "In any order and case"
    assert [hit.title for hit in hits(cast.viewer, "nee pum")] == ["Drain"], "By the beginnings of words"


def test_a_slip_of_the_pen_is_forgiven_where_nothing_else_is_found(furnished: Cast) -> None:
    assert "milestone" in names(furnished.viewer, "gaskt fitted")
    assert not [hit for hit in hits(furnished.viewer, "gasket") if "asket" not in hit.title and hit.rank < 3]


def test_nearly_right_words_are_forgiven_each_by_itself(cast: Cast) -> None:
    for name in ("Preemption GA", "Network cut over", "Capacity"):
        milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name)
    assert [hit.title for hit in hits(cast.viewer, "preemtion")] == ["Preemption GA"]
    assert [hit.title for hit in hits(cast.viewer, "cut netwrok")] == ["Network cut over"]
    assert {hit.title for hit in hits(cast.viewer, "capasity")} == {"Capacity", "Region NA-4 capacity"}
    assert not hits(cast.outsider, "canry mergr")
    assert [hit.at for hit in hits(cast.viewer, "canry mergr")] == ["DARK"]


def test_nobody_types_an_accent(cast: Cast, sign_in: Any) -> None:
    tomas = User.objects.create(email="t@example.com", name="Tomás Łukasz Søgaard-Voß")
    note = "für die Überprüfung"
    milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Café opens", note=note)
    for asked in ("tomas", "TOMÁS", "lukasz", "sogaard", "voss", "Voß", "soğaard"):
        assert [hit.pk for hit in hits(cast.viewer, asked)] == [tomas.pk], asked
        assert f'href="/?lead={tomas.pk}"' in sign_in(cast.viewer).get("/palette", {"q": asked}).text
    for asked in ("cafe", "cafè op", "uberpruf", "uberprufung fur"):
        assert names(cast.viewer, asked) == ["milestone"], asked


# Letters of alphabets that names are written in: Latin with Vietnamese, Greek, Cyrillic, Hebrew, Arabic, Devanagari,
# kana, Hangul, Han.
ALPHABETS = (
    (0x41, 0x149), (0x14A, 0x180), (0x1A0, 0x1A2), (0x1AF, 0x1B1), (0x218, 0x21C), (0x1E00, 0x1E9A), (0x1EA0, 0x1EFA),
    (0x386, 0x3D0), (0x400, 0x530), (0x5D0, 0x5EB), (0x620, 0x64B), (0x904, 0x93A), (0x3041, 0x3097), (0x30A1, 0x30FB),
    (0xAC00, 0xAD00), (0x4E00, 0x4E40),
)  # fmt: skip


def test_python_and_postgres_call_the_same_letters_plain(db: None) -> None:
    letters = [
        chr(code)
        for first, end in ALPHABETS
        for code in range(first, end)
        if chr(code).isalpha() and chr(code) not in "ªº"
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT letter, plain(letter) FROM unnest(%s) AS letter", [letters])
        differ = {letter: (plain(letter), told) for letter, told in cursor if plain(letter).upper() != told}
    assert differ == {}
    for one, other in ("がか", "パハ", "йи", "їі", "أا"):
        assert plain(one) != plain(other)
    for one, other in ("Ёлка", "елка"), ("ΆΛΦΑ", "αλφα"), ("Điện", "dien"), ("Ĳssel", "ijssel"):
        assert plain(one) == plain(other)


def test_other_scripts_are_found(cast: Cast) -> None:
    for name in ("冷却設備の引渡し", "تسليم التبريد", "Übergabe der Kühlung"):
        milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name)
    for asked in ("引渡", "التبريد", "kühlung", "ÜBERGABE"):
        assert names(cast.viewer, asked) == ["milestone"], asked


def test_nobody_else_finds_the_inactive_and_the_inactive_find_nothing(furnished: Cast) -> None:
    gail = User.objects.get(email="g@example.com")
    people.services.change_user(user=gail, by=furnished.admin, is_active=False)
    assert "person" not in names(furnished.viewer, "gasket")
    assert not hits(User.objects.get(pk=gail.pk), "gasket")
    assert not hits(furnished.viewer, "g@example.com"), "Addresses are not searched"


def test_hostile_words_find_what_is_called_so_and_break_nothing(cast: Cast, sign_in: Any) -> None:
    texts = [text.replace("\r\n", "\n").strip()[:200] for text in hostile()]
    Milestone.objects.bulk_create(Milestone(program=cast.na4, name=text) for text in texts)
    client = sign_in(cast.viewer)
    for text in [*texts[::9], "%", "_", "\\", "'", "''':*", "& | ! ( ) <-> :*", "²", "a:*b", "'a' & 'b"]:
        asked = " ".join(text[:200].split())
        searched, palette = (client.get(path, {"q": text}) for path in ("/search", "/palette"))
        assert searched.context["groups"] or text not in texts or len(asked.split()) > 8, text
        for page in (searched, palette):
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "onerror=alert" not in re.sub(r'"[^"]*"|>[^<]*<', "", page.text)
    assert len(hits(cast.viewer, "%")) < len(texts), "A percent sign is one"


def test_the_endpoint_refuses_what_it_does_not_know(furnished: Cast) -> None:
    caller = Api(furnished.outsider)
    [hit] = caller.get("search", q="leaks", noun="risk").json()["data"]
    assert (hit["noun"], hit["title"], hit["detail"]) == ("risk", "Gasket leaks", "Region NA-4 capacity")
    assert (hit["key"], hit["url"]) == (f"R-{hit['id']}", f"/r/R-{hit['id']}")
    assert caller.get("search").json() == {"data": []}
    for query in ({"q": "a", "noun": "canary"}, {"q": "x" * 201}, {"q": "a\0b"}, {"query": "a"}):
        assert caller.get("search", **query).status_code == 400


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_the_index_of_each_noun_answers_its_question(furnished: Cast, noun: Any) -> None:
    said: dict[str, Any] = {"program": furnished.na4, "author": furnished.lead, "health": "at_risk", "snapshot": {}}
    Update.objects.bulk_create(
        Update(**said, text=f"Week {n} is well", begun_at=NOON, published_at=NOON) for n in range(1_000)
    )
    rows = _matching(noun, furnished.admin, "gasket hall", 10)
    with connection.cursor() as cursor:
        # With a handful of rows reading all of them is always the cheapest: look whether the index can be used at all.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; ANALYZE")
        cursor.execute("SELECT gin_clean_pending_list(%s)", [f"{noun.name.replace('person', 'user')}_search"])
    plan = rows.explain()
    assert re.search(r"Bitmap Index Scan on \w+_search", plan), plan


def test_search_and_palette_stay_quick_in_a_large_portfolio(
    cast: Cast, portfolio_of: Callable[..., list[Program]], sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    portfolio_of(331, [cast.lead])
    client = sign_in(cast.lead)
    for path in ("/search?q=cluster+program", "/palette?q=clus", "/palette", "/search?q=clutser+progam"):
        client.get(path)
        with django_assert_max_num_queries(25):
            began = time.process_time()
            assert client.get(path).status_code == 200
            spent = time.process_time() - began
        assert spent < 0.2, f"{path} took {spent * 1000:.0f} ms"


def options(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<a role="option" id="palette-(\d+)" href="([^"]*)"', page)


def test_the_palette_offers_records_then_what_one_may_do(furnished: Cast, sign_in: Any) -> None:
    talk.watch(program=furnished.na4, kind="program", subject_id=furnished.na4.pk, by=furnished.outsider, at=NOON)
    lead, outsider = (sign_in(user).get("/palette").text for user in (furnished.lead, furnished.outsider))
    for page in (lead, outsider):
        numbers = [int(number) for number, _ in options(page)]
        assert numbers == list(range(len(numbers)))
        assert "<html" not in page
    there, seen = [url for _, url in options(lead)], [url for _, url in options(outsider)]
    assert there[:2] == ["/p/DARK", "/p/NA4"]
    assert {"/p/NA4/updates/new", "/programs/new", "/inbox"} <= set(there)
    assert "/import" not in there
    assert seen[0] == "/p/NA4"
    assert not [url for url in seen if "updates/new" in url or "DARK" in url or url == "/import"]
    assert "/import" in [url for _, url in options(sign_in(furnished.admin).get("/palette").text)]
    found = options(sign_in(furnished.viewer).get("/palette?q=gasket lea").text)
    assert [url.rsplit("-", 1)[0] for _, url in found] == ["/r/R", "/objectives", "/search?q=gasket+lea"]
    assert ("0", "/programs/new") in options(sign_in(furnished.viewer).get("/palette?q=new prog").text)
    # Not opened by Enter: what has the words somewhere in its text only.
    assert options(sign_in(furnished.viewer).get("/palette?q=leak test").text)[0] == ("0", "/search?q=leak+test")
    assert options(sign_in(furnished.viewer).get("/palette?q=zzz%26z").text) == [("0", "/search?q=zzz%26z")]


@pytest.mark.parametrize(
    ("asked", "url"),
    [("issues", "/issues"), ("assumptions", "/assumptions"), ("decisions", "/decisions"), ("kpis", "/kpis"),
     ("requirements", "/p/NA4/requirements"), ("saved", "/views"), ("accuracy", "/accuracy"), ("quality", "/quality"),
     ("risks na-4", "/p/NA4/risks"), ("watermelons", "/watermelons")],
)  # fmt: skip
def test_the_palette_leads_to_pages_by_their_name(asked: str, url: str, cast: Cast, sign_in: Any) -> None:
    assert url in [there for _, there in options(sign_in(cast.contributor).get("/palette", {"q": asked}).text)]


def test_the_palette_knows_the_program_that_is_open(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    for key, offered in (("NA4", ["/p/NA4/requirements"]), ("DARK", []), ("%00", [])):
        headers: Any = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/p/{key}/risks"}
        page = client.get("/palette", {"q": "requirements"}, headers=headers).text
        assert [url for _, url in options(page) if url.startswith("/p/")] == offered


def test_a_noun_of_many_hits_leads_to_all_of_them(cast: Cast, sign_in: Any) -> None:
    Milestone.objects.bulk_create(Milestone(program=cast.na4, name=f"Rack {n}") for n in range(30))
    client = sign_in(cast.viewer)
    first = client.get("/search?q=rack")
    assert first.text.count('href="/m/') == 10
    assert "?q=rack&amp;noun=milestone" in first.text
    assert client.get("/search?q=rack&noun=milestone").text.count('href="/m/') == 30
