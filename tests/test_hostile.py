"""Hostile text in every field of every form: it is kept to the letter, shown as text, and runs nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import cycle
from typing import Any

import pytest
from django import forms
from django.core.validators import RegexValidator
from django.test import Client

from reports.models import Letter
from tests.conftest import SHARED
from tests.routes import ROUTES, Guard
from tests.test_walk import Stage, at, complaints, is_api, quiet, session, stage, token_client, walked, write_out

__all__ = ["quiet", "stage"]

FOLDER = SHARED / "data" / "F_hostile"
# Beside what others collected: letters that run from right to left, wide ones, one long word, and our own templates'.
OWN = [
    "مركز بيانات الشمال",
    "データセンター移行計画",
    "W" * 200,
    "{{ request.user.password }}{% debug %}",
    "%s%d{0}",
    "&lt;b&gt;",
]
# Text that is read line by line.
PARSED = {"holidays"}
# A long text takes many strings at once, a line each.
LINES = 40
# A policy is shown before it is written; a mapping names the tables of a file.
NOT_HERE = {"/settings/health-policy/edit", "/import/mappings/<pk>/edit"}
TYPED_FIRST = {"on": "20 Nov 2026", "key": "PROBE", "email": "probe@example.com"}


@pytest.fixture(scope="module")
def hostile() -> list[str]:
    if not FOLDER.exists():
        pytest.skip("The hostile strings are not there: set TPM_SHARED to their folder.")
    found = [text for name in ("naughty", "xss") for text in json.loads((FOLDER / f"{name}_strings.json").read_text())]
    return OWN + found


def form_of(answer: Any) -> forms.Form | None:
    context = answer.context
    form = context.get("form") if context is not None else None
    return form if isinstance(form, forms.BaseForm) else None  # type: ignore[return-value]


def is_text(name: str, field: forms.Field) -> bool:
    """Whether a field takes any text: not an address, nor what must match a pattern."""
    plain = isinstance(field, forms.CharField) and not isinstance(field, forms.EmailField | forms.URLField)
    bound = any(isinstance(check, RegexValidator) for check in field.validators)
    secret = isinstance(field.widget, forms.PasswordInput | forms.HiddenInput)
    return plain and not bound and not secret and not field.disabled and name not in PARSED


def is_typed(field: forms.Field) -> bool:
    return isinstance(field.widget, forms.TextInput | forms.Textarea) and not field.disabled


class Reader(HTMLParser):
    """What a browser would find in a page: the values of its fields, and whatever could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.runs: list[str] = []
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "input" and given.get("type") not in ("checkbox", "radio"):
            self.values[name] = given.get("value", "")
        if tag == "textarea":
            self._area, self.values[name] = name, ""
        if tag == "select":
            self._select, self.values[name] = name, ""
        if tag == "option" and "selected" in given:
            self.values[self._select] = given.get("value", "")
        for attribute, value in given.items():
            starts = "".join(value.split()).lower()
            if attribute.startswith("on") or attribute in ("style", "srcdoc"):
                self.runs.append(f"<{tag} {attribute}={value[:60]}>")
            if attribute in ("href", "src", "action", "formaction", "data") and starts.startswith(
                ("javascript:", "data:", "vbscript:")
            ):
                self.runs.append(f"<{tag} {attribute}={value[:60]}>")
        is_ours = given.get("src", "").startswith("/static/") or given.get("type") == "application/json"
        if tag in ("iframe", "object", "embed", "base", "marquee", "style") or (tag == "script" and not is_ours):
            self.runs.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # HTML drops one line break right after the opening tag, which Django writes.
            self.values[self._area] = self.values[self._area].removeprefix("\n")
            self._area = ""


def as_posted(form: forms.Form, page: str) -> dict[str, Any]:
    """What a browser would send of a form as it was opened; of a new one, the least that it takes."""
    beside = Reader(page).values  # rows of a table that goes with the form
    sent: dict[str, Any] = {name: value for name, value in beside.items() if name and name not in form.fields}
    for name, field in form.fields.items():
        bound = form[name]
        value = bound.value()
        if isinstance(field, forms.BooleanField):
            if value:
                sent[name] = "on"
        elif isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
            sent[name] = [str(getattr(one, "pk", one)) for one in value or []]
        elif isinstance(field, forms.ChoiceField) and not value and field.required:
            choices: Any = field.choices
            sent[name] = next((str(key) for key, _ in choices if key), "")
        elif value is None or value == "":
            typed = TYPED_FIRST.get(name) or ("20 Nov 2026" if isinstance(field, forms.DateField) else "1")
            sent[name] = typed if field.required else ""
        else:
            shown = (
                field.widget.format_value(value)
                if isinstance(field.widget, forms.widgets.Input | forms.Textarea)
                else value
            )
            sent[name] = str(shown)
    return sent


def text_for(field: forms.Field, texts: Iterator[str]) -> str:
    """The next string that the field may hold: whole lines of a long text, and something where it must not be empty."""
    longest = getattr(field, "max_length", None) or 20_000
    if isinstance(field.widget, forms.Textarea):
        return "\n".join(next(texts) for _ in range(LINES))[:longest]
    text = next(texts)[:longest]
    return text if text.strip() or not field.required else text_for(field, texts)


def edit_pages(stage: Stage, client: Client) -> Iterator[tuple[str, Any, str]]:
    """Each page that edits a row, as it opens, and the row's address in the API."""
    one = {
        route.noun: path
        for path, route in ROUTES.items()
        if is_api(path) and path.count("<") == 1 and path.endswith(">")
    }
    for path, route in walked(*set(Guard) - {Guard.DOOR}):
        if path.endswith(("/edit", "/organisation", "/profile")) and not is_api(path) and path not in NOT_HERE:
            address = at(path, route, stage.seen)
            opened = client.get(address)
            if opened.status_code == 200:
                yield address, opened, at(one[route.noun], route, stage.seen) if route.noun in one else ""


def test_every_text_field_keeps_hostile_text_to_the_letter(stage: Stage, hostile: list[str]) -> None:
    client, caller = session(stage.cast.admin), token_client(stage.cast.admin, "read")
    texts, found, kept, given = cycle(hostile), [], 0, set()
    pages = list(edit_pages(stage, client))
    for path, _, address in pages:
        for _ in range(3):
            opened = client.get(path)
            form = form_of(opened)
            assert form is not None, path
            sent = as_posted(form, opened.content.decode())
            names = [name for name, field in form.fields.items() if is_text(name, field)]
            for name in names:
                sent[name] = text_for(form.fields[name], texts)
                given.update(sent[name].split("\n"))
            answer = client.post(path, sent)
            if answer.status_code != 302:
                errors = dict(form_of(answer).errors) if form_of(answer) else answer.content[:200].decode()  # type: ignore[union-attr]
                found.append(f"{path}: {answer.status_code} {errors} {[sent[name][:40] for name in names]}")
                continue
            page = Reader(client.get(path).content.decode())
            shown = caller.get(address).json() if address else {}
            for name in names:
                if name not in getattr(form, "names", form.fields):
                    continue  # said about the change, and kept in its history
                wanted = sent[name].strip().replace("\r\n", "\n").replace("\r", "\n")
                was = page.values.get(name, "")
                if was.replace("\r\n", "\n").replace("\r", "\n") != wanted:
                    found.append(f"{path} {name}: {wanted!r} became {was!r}")
                if isinstance(shown.get(name), str) and shown[name].replace("\r", "\n") != wanted:
                    found.append(f"{address} {name}: {wanted!r} became {shown[name]!r}")
                kept += 1
    assert not found, complaints(found)
    assert len(pages) > 20
    assert kept > 100
    assert {line for text in hostile for line in text.split("\n")} - given == set()


def test_no_field_that_wants_something_else_stumbles(stage: Stage, hostile: list[str]) -> None:
    """Days, numbers, addresses and keys refuse it, and show what was typed."""
    client, texts, found = session(stage.cast.admin), cycle(hostile), []
    for path, route in walked(*set(Guard) - {Guard.DOOR}):
        if is_api(path) or not path.endswith(("/new", "/edit", "/blank", "/copy")):
            continue
        for _ in range(2):
            opened = client.get(at(path, route, stage.seen))
            form = form_of(opened) if opened.status_code == 200 else None
            if form is None:
                break
            sent = as_posted(form, opened.content.decode())
            for name, field in form.fields.items():
                if is_typed(field) or is_text(name, field):
                    sent[name] = next(texts)
            answer = client.post(at(path, route, stage.seen), sent)
            if answer.status_code not in (200, 302, 422):
                found.append(f"{path}: {answer.status_code}")
            found += [f"{path}: {run}" for run in Reader(answer.content.decode()).runs]
    assert not found, complaints(found)


def spread(hostile: list[str]) -> Iterator[str]:
    """Strings that would run if they were not escaped, the longest and the strangest among them."""
    return cycle([text for text in hostile if "<" in text or '"' in text or "javascript" in text] + OWN)


def fill_everything(stage: Stage, texts: Iterator[str]) -> None:
    client = session(stage.cast.admin)
    for path, opened, _ in edit_pages(stage, client):
        form = form_of(opened)
        assert form is not None
        sent = as_posted(form, opened.content.decode())
        for name, field in form.fields.items():
            if is_text(name, field):
                sent[name] = text_for(field, texts)
        assert client.post(path, sent).status_code == 302, path


def test_no_page_shows_it_as_anything_but_text(stage: Stage, hostile: list[str]) -> None:
    texts, found = spread(hostile), []
    client = session(stage.cast.lead)
    for _ in range(2):
        fill_everything(stage, texts)
        for letter in Letter.objects.filter(subscription__user=stage.cast.lead):
            write_out(letter)
        for path, route in walked(*set(Guard) - {Guard.DOOR, Guard.ADMIN}):
            if not is_api(path):
                ids = stage.hidden if route.guard is Guard.OWN else stage.seen
                answer = client.get(at(path, route, ids))
                if (
                    answer.status_code == 200
                    and "html" in answer.headers["Content-Type"]
                    and not path.startswith("/letters/")
                ):
                    found += [f"{path}: {run}" for run in Reader(answer.content.decode()).runs]
    assert not found, complaints(found)
