"""What people say: who may, whom it reaches, that it stays as typed, and that only who wrote it takes it back."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

import milestones.services
import people.services
import risks.services
from dashboards.templatetags.words import linked
from milestones.models import Milestone
from people.models import User
from people.pages import ROWS_A_PAGE
from programs import talk
from programs.mentions import mentions, offered, readers
from programs.models import Comment, Notice, Program, Subject, Watch
from tests.conftest import FRIDAY, NOON, SHARED, Api

if TYPE_CHECKING:
    from tests.conftest import Cast

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "https://example.com/\"onmouseover='alert(1)' x",
    "https://example.com/<script>",
    "@Vera Viewer<b>",
    "{{ 7|add:7 }} {% csrf_token %}",
    "\u202egnp.exe",
    "مرحبا بالعالم",
    "日本語のコメント",
    "Z\u0351\u036ba\u0363lgo",
    "a" * 9_000,
    "\n\n\n<p>\n\n",
]


def say(cast: Cast, text: str, by: User | None = None, program: Program | None = None) -> Comment:
    program = program or cast.na4
    return talk.post_comment(
        program=program, kind=Subject.PROGRAM, subject_id=program.pk, text=text, by=by or cast.lead, at=NOON
    )


def told(user: User) -> list[str]:
    return list(user.notices.order_by("pk").values_list("reason", flat=True))


@pytest.fixture
def milestone(cast: Cast) -> Milestone:
    return milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Power on")


def test_whoever_sees_a_program_comments_on_it(cast: Cast) -> None:
    for user in (cast.viewer, cast.contributor, cast.outsider, cast.admin):
        assert say(cast, "Seen.", by=user).by == user
    assert say(cast, "Seen.", by=cast.viewer, program=cast.dark)
    with pytest.raises(PermissionDenied, match="private program"):
        say(cast, "Peep", by=cast.outsider, program=cast.dark)


def test_readers_are_who_sees_it(cast: Cast) -> None:
    cast.contributor.is_active = False
    cast.contributor.save()
    for program in (cast.na4, cast.dark):
        seeing = {user for user in User.objects.all() if program in Program.objects.visible_to(user)}
        assert set(readers(program)) == seeing


def test_only_who_sees_the_program_is_offered_after_an_at(cast: Cast, sign_in: Any) -> None:
    def names(user: User, key: str, begun: str) -> list[str]:
        page = sign_in(user).get(f"/p/{key}/mentions", {"q": begun})
        assert page.status_code == 200
        return re.findall(r'data-name="([^"]*)"', page.text)

    assert names(cast.viewer, "NA4", "o") == ["Otto Outsider"]
    assert names(cast.viewer, "DARK", "o") == []
    assert names(cast.viewer, "DARK", "lead") == ["Lea Lead"]  # by any of their names
    assert names(cast.viewer, "DARK", "") == []
    assert sign_in(cast.outsider).get("/p/DARK/mentions?q=l").status_code == 404
    # A name that two have is nobody's: what is written says which of them.
    User.objects.create(email="lea.two@example.com", name="Lea Lead")
    assert names(cast.viewer, "NA4", "Lea") == ["lea", "lea.two"]
    (named,) = mentions("Ask @lea.two now", readers(cast.na4))
    assert named.person
    assert named.person.email == "lea.two@example.com"


def test_a_mention_reaches_who_sees_the_program_and_nobody_else(cast: Cast) -> None:
    text = "@Vera Viewer, @cem and @Otto Outsider: look. Not bob@ada.example, nor @nobody."
    say(cast, text, program=cast.dark)
    assert told(cast.viewer) == told(cast.contributor) == ["mention"]
    assert told(cast.outsider) == told(cast.admin) == told(cast.lead) == []
    say(cast, "@Otto Outsider and I, @Lea Lead")
    assert told(cast.outsider) == ["mention"]
    assert told(cast.lead) == [], "Nobody is told of what they said themselves"


def test_names_are_matched_whole_and_unambiguously(cast: Cast) -> None:
    User.objects.create(email="ann@example.com", name="Ann Lee")
    User.objects.create(email="ann.lee.2@example.com", name="Ann Leeds")
    User.objects.create(email="straße@example.com", name="Jörg Groß")

    def named(text: str) -> list[str]:
        return [m.person.name if m.person else "" for m in mentions(text, User.objects.order_by("pk"))]

    assert named("@Ann Lee!") == ["Ann Lee"]
    assert named("@ann leeds, @ANN.LEE.2") == ["Ann Leeds", "Ann Leeds"]
    assert named("@ann") == ["Ann Lee"], "The front of an address is whole, a first name is not"
    assert named("@Annabel @jörg groß @JÖRG") == ["", "Jörg Groß", "Jörg Groß"]
    assert named("mail me@ann or @@ann or @ ann or @") == []


def test_an_accent_need_not_be_typed_in_a_mention(cast: Cast, sign_in: Any) -> None:
    tomas = User.objects.create(email="tr@example.com", name="Tomás Voß")
    for text in ("@tomas", "@Tomás", "@TOMAS VOSS", "@tomas voß", "Hej @Tomás Voss, and"):
        assert [m.person for m in mentions(text, User.objects.all())] == [tomas], text
    assert [m.end for m in mentions("@tomas voss here", User.objects.all())] == [11]
    assert "Tomás Voß" in sign_in(cast.viewer).get("/p/NA4/mentions?q=tomas%20v").text
    User.objects.create(email="other@example.com", name="Tomas Voss")
    assert [name for _, name in offered(cast.na4, "tomas")] == ["other", "tr"], "What means one person only"
    [mention] = mentions("@Tomás Voß", User.objects.all())
    assert mention.person == tomas, "Their own spelling still means them"


def test_who_watches_spoke_or_leads_is_told_once(cast: Cast, milestone: Milestone) -> None:
    about: dict[str, Any] = {"program": cast.na4, "kind": Subject.MILESTONE, "subject_id": milestone.pk}
    talk.watch(**about, by=cast.viewer, at=NOON)
    talk.watch(program=cast.na4, kind=Subject.PROGRAM, subject_id=cast.na4.pk, by=cast.viewer, at=NOON)
    talk.watch(program=cast.na4, kind=Subject.PROGRAM, subject_id=cast.na4.pk, by=cast.outsider, at=NOON)
    talk.post_comment(**about, text="When, @vera?", by=cast.contributor, at=NOON)
    assert told(cast.viewer) == ["mention"]
    assert told(cast.outsider) == told(cast.lead) == ["comment"]
    talk.post_comment(**about, text="Friday.", by=cast.lead, at=NOON)
    assert told(cast.contributor) == ["comment"], "Who spoke there is told of the answer"


def test_an_edit_tells_whom_it_names_anew(cast: Cast) -> None:
    comment = say(cast, "Who knows? @vera")
    later = NOON + timedelta(hours=1)
    comment = talk.edit_comment(comment=comment, text="Who knows? @vera @cem", by=cast.lead, at=later)
    assert (told(cast.viewer), told(cast.contributor)) == (["mention"], ["mention"])
    assert (comment.edited_at, comment.version) == (later, 2)


def test_only_who_wrote_it_changes_it_and_its_history_stays(cast: Cast) -> None:
    comment = say(cast, "First")
    for other in (cast.admin, cast.viewer):
        with pytest.raises(PermissionDenied):
            talk.edit_comment(comment=comment, text="Mine", by=other, at=NOON)
        with pytest.raises(PermissionDenied):
            talk.delete_comment(comment=comment, by=other)
    row: Any = comment
    events, pk = row.events.model.objects, comment.pk
    talk.edit_comment(comment=comment, text="Second", by=cast.lead, at=NOON)
    talk.delete_comment(comment=comment, by=cast.lead)
    assert not Comment.objects.filter(pk=pk).exists()
    kept = events.filter(pgh_obj_id=pk).order_by("pgh_id").values_list("pgh_label", "text")
    assert list(kept) == [("insert", "First"), ("update", "Second"), ("delete", "Second")]


@pytest.mark.parametrize("text", ["", "   \n\t", "\r\n"])
def test_an_empty_comment_is_refused_and_nothing_is_lost(cast: Cast, sign_in: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        say(cast, text)
    answer = sign_in(cast.viewer).post("/p/NA4/comments", {"text": text})
    assert answer.status_code == 422
    answer = sign_in(cast.viewer).post("/p/NA4/comments", {"text": "kept " * 3_000})
    assert (answer.status_code, "kept kept" in answer.text) == (422, True)
    assert not Comment.objects.exists()


def hostile() -> list[str]:
    files = [SHARED / "data" / "F_hostile" / name for name in ("naughty_strings.json", "xss_strings.json")]
    found = [text for file in files if file.exists() for text in json.loads(file.read_text())]
    return HOSTILE + [text for text in found if text.strip() and "\0" not in text]


def test_whatever_is_typed_comes_back_as_it_was_and_does_nothing(cast: Cast, sign_in: Any, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 10_000
    client, caller = sign_in(cast.viewer), Api(cast.lead)
    texts = hostile()
    about = {"kind": "program", "subject_id": cast.na4.pk}
    made = [caller.post("comments", about | {"text": text}).json() for text in texts]
    for text, row in zip(texts, made, strict=True):
        assert row["text"] == text.replace("\r\n", "\n").strip(), row
    shown = "".join(
        client.get("/p/NA4/comments", {"page": page}).text for page in range(1, len(texts) // ROWS_A_PAGE + 2)
    )
    bodies = re.findall(r'<div class="prose">(.*?)</div>\n', shown, re.DOTALL)
    assert len(bodies) == len(texts)
    for body, text in zip(reversed(bodies), texts, strict=True):
        plain = html.unescape(re.sub(r"</p><p dir=\"auto\">|<[^>]*>", "", body.replace("<br>", "\n")))
        assert re.sub(r"\s", "", plain) == re.sub(r"\s", "", text)
        tags = set(re.findall(r"<(\w+)", body))
        assert tags <= {"p", "br", "a", "b"}, body
        assert all(url.startswith(("http://", "https://")) for url in re.findall(r'href="([^"]*)"', body))


def test_links_end_where_the_sentence_goes_on() -> None:
    assert linked("See https://a.example/x?y=1&z, (http://b.example).") == (
        'See <a href="https://a.example/x?y=1&amp;z" rel="noopener noreferrer nofollow">https://a.example/x?y=1&amp;z</a>,'
        ' (<a href="http://b.example" rel="noopener noreferrer nofollow">http://b.example</a>).'
    )


def test_the_page_of_each_subject_takes_a_comment_and_shows_it(cast: Cast, milestone: Milestone, sign_in: Any) -> None:
    risk = risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Chillers late")
    client = sign_in(cast.viewer)
    pages = {"/p/NA4/comments": "/p/NA4/comments", f"/m/{milestone.pk}": f"/m/{milestone.pk}/comments"}
    pages[f"/r/R-{risk.pk}"] = f"/r/R-{risk.pk}/comments"
    for page, place in pages.items():
        answer = client.post(place, {"text": f"On {page}, @Lea Lead"})
        assert answer.headers["Location"].startswith(f"{page}#comment-")
        shown = client.get(page).text
        assert f"On {page}, <b>@Lea Lead</b>" in shown
        assert f"On {page}" in client.get(place).text
    everything = client.get("/p/NA4/comments?show=all").text
    assert "Chillers late" in everything
    assert "Power on" in everything
    assert told(cast.lead) == ["mention"] * 3
    answer = client.post("/p/NA4/comments", {"text": "@nobody.here?"}, follow=True)
    assert "Told nobody for @nobody.here" in answer.text


def test_one_edits_and_deletes_by_page_what_is_ones_own(cast: Cast, sign_in: Any) -> None:
    comment = say(cast, "Frist", by=cast.viewer)
    client = sign_in(cast.viewer)
    assert f"/comments/{comment.pk}/edit" in client.get("/p/NA4/comments").text
    assert f"/comments/{comment.pk}/edit" not in sign_in(cast.lead).get("/p/NA4/comments").text
    client.post(f"/comments/{comment.pk}/edit", {"text": "First", "version": 1})
    assert "edited" in client.get("/p/NA4/comments").text
    assert sign_in(cast.lead).post(f"/comments/{comment.pk}/delete").status_code == 404
    client.post(f"/comments/{comment.pk}/delete")
    assert not Comment.objects.exists()


def test_what_is_deleted_takes_its_talk_along(cast: Cast, milestone: Milestone) -> None:
    about: dict[str, Any] = {"program": cast.na4, "kind": Subject.MILESTONE, "subject_id": milestone.pk}
    talk.post_comment(**about, text="Look, @vera", by=cast.lead, at=NOON)
    talk.watch(**about, by=cast.viewer, at=NOON)
    milestones.services.delete_milestone(milestone=milestone, by=cast.lead)
    assert not any(model._default_manager.exists() for model in (Comment, Watch, Notice))


def test_nobody_names_what_they_do_not_see(cast: Cast) -> None:
    hidden = milestones.services.create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary")
    outsider = Api(cast.outsider)
    for noun, more in (("comments", {"text": "Peep"}), ("watches", {})):
        for kind, pk in (("program", cast.dark.pk), ("milestone", hidden.pk)):
            told = outsider.post(noun, {"kind": kind, "subject_id": pk} | more)
            untold = outsider.post(noun, {"kind": kind, "subject_id": 987_654_321} | more)
            assert (told.status_code, told.content) == (untold.status_code, untold.content)
            assert told.status_code == 422


def test_a_person_who_said_something_is_not_deleted_but_deactivated(cast: Cast) -> None:
    say(cast, "Here.", by=cast.viewer)
    people.services.change_user(user=cast.viewer, by=cast.admin, is_active=False)
    say(cast, "@Vera Viewer, are you there?")
    assert told(cast.viewer) == []
