"""A session that ends in the middle of an edit: what was typed survives the sign-in."""

from __future__ import annotations

import re

from django.test import Client
from django.utils import timezone

import milestones.services
from milestones.models import Milestone
from tests.conftest import FRIDAY, Cast

PASSWORD = "correct horse battery"


def fibre(cast: Cast) -> Milestone:
    cast.lead.set_password(PASSWORD)
    cast.lead.save()
    return milestones.services.create_milestone(program=cast.na4, by=cast.lead, name="Fibre", today=FRIDAY)


def test_what_was_sent_is_shown_after_signing_in_and_saved_by_one_button(cast: Cast, client: Client) -> None:
    row = fibre(cast)
    edit = f"/m/{row.pk}/edit?only=name"
    typed = 'Fibre <west>\nand "more"'
    answer = client.post(edit, {"name": "West", "note": typed, "version": row.version})
    assert answer.headers["Location"] == "/account/login?next=/account/unsent"
    page = client.post(answer.headers["Location"], {"login": cast.lead.email, "password": PASSWORD}, follow=True)
    text = page.content.decode()
    assert page.redirect_chain[-1][0] == "/account/unsent"
    assert f'action="{edit}"' in text
    assert "Fibre &lt;west&gt;" in text
    again = dict(re.findall(r'<textarea name="(\w+)" hidden>\n([^<]*)</textarea>', text))
    client.post(edit, again)
    row.refresh_from_db()
    assert row.name == "West"
    client.post("/account/unsent")
    assert client.get("/account/unsent").headers["Location"] == "/"


def test_a_script_is_sent_to_the_sign_in_page_as_a_whole(cast: Cast, client: Client) -> None:
    row = fibre(cast)
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/m/{row.pk}"}
    asked = client.get(f"/m/{row.pk}/edit?only=name", headers=headers)
    assert (asked.status_code, asked.headers["HX-Redirect"]) == (204, f"/account/login?next=/m/{row.pk}")
    sent = client.post(f"/m/{row.pk}/edit?only=name", {"name": "West"}, headers=headers)
    assert sent.headers["HX-Redirect"] == "/account/login?next=/account/unsent"


def test_it_is_kept_for_an_hour_and_never_without_end(cast: Cast, client: Client) -> None:
    row = fibre(cast)
    client.post(f"/m/{row.pk}/edit", {"name": "x" * 300_000})
    assert "unsent" not in client.session
    client.post(f"/m/{row.pk}/edit", {"name": "West"})
    session = client.session
    session["unsent"] = {**session["unsent"], "at": timezone.now().timestamp() - 4000}
    session.save()
    client.force_login(cast.lead)
    assert client.get("/account/unsent").headers["Location"] == "/"
