from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from dashboards.templatetags import words
from forecasts.models import HealthPolicy
from people.models import Team
from programs.models import Program


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(None, ""), (0, "0 d"), (480, "1 d"), (720, "1.5 d"), (-960, "−2 d"), (-1, "0 d"), (100, "0.2 d")],
)
def test_working_minutes_are_days(minutes: int | None, text: str) -> None:
    assert words.days(minutes) == text


@pytest.mark.parametrize(
    ("days", "text", "heat", "tone"),
    [
        (None, "", "", "none"),
        (-2, "−2 d", "h0", "ok"),
        (0, "0 d", "h0", "ok"),
        (7, "+7 d", "h1", "ok"),
        (14, "+14 d", "h2", "warn"),
        (30, "+30 d", "h3", "warn"),
        (34, "+34 d", "h4", "bad"),
        (49, "+49 d", "h5", "bad"),
    ],
)
def test_a_slip_has_its_sign_and_its_colour(days: int | None, text: str, heat: str, tone: str) -> None:
    assert (words.slip(days), words.heat(days), words.slip_tone(days, HealthPolicy())) == (text, heat, tone)


@pytest.mark.parametrize(
    ("precision", "text"),
    [
        ("day", "15 Jan 2027"),
        ("week", "week 2, 2027"),
        ("month", "Jan 2027"),
        ("quarter", "Q1 2027"),
        ("half", "H1 2027"),
        ("year", "2027"),
    ],
)
def test_a_target_is_no_more_exact_than_it_was_promised(precision: str, text: str) -> None:
    assert words.target(Program(target_on=date(2027, 1, 15), target_precision=precision)) == text


@pytest.mark.parametrize(
    ("on", "text"),
    [
        (date(2026, 11, 20), "today"),
        (date(2026, 12, 4), "in 14 d"),
        (date(2026, 11, 17), "3 d ago"),
        (date(2027, 5, 20), "in 6 mo"),
        (date(2023, 11, 20), "3 y ago"),
    ],
)
def test_a_distance_in_time_is_short(on: date, text: str) -> None:
    assert words.days_until(on, date(2026, 11, 20)) == text


def test_a_moment_is_in_the_readers_zone() -> None:
    this_year = timezone.now().year
    with timezone.override("Asia/Tokyo"):
        assert words.moment(datetime(this_year, 2, 3, 22, 5, tzinfo=UTC)) == "4 Feb, 07:05 JST"


@pytest.mark.parametrize(
    ("value", "text"), [("41.8000", "41.8"), ("1500", "1,500"), ("-0.25", "−0.25"), ("100", "100")]
)
def test_an_amount_has_no_idle_zeros(value: str, text: str) -> None:
    assert words.amount(Decimal(value)) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        '<b onclick="alert(1)">x</b>',
        "![x](https://tracker.example/p.png)",
        '<p style="color:red">x</p>',
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
    ],
)
def test_markdown_is_harmless(hostile: str) -> None:
    html = words.markdown(hostile)
    for evil in ("<script", 'href="javascript', "<b onclick", "<img", "<p style", 'href="data'):
        assert evil not in html


def test_markdown_keeps_what_people_mean() -> None:
    assert (
        words.markdown("Power is **late**.\n\n- one")
        == "<p>Power is <strong>late</strong>.</p>\n<ul>\n<li>one</li>\n</ul>\n"
    )


class Sheet(forms.Form):
    name = forms.CharField(help_text="As people say it.")
    on = forms.DateField()
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    sure = forms.BooleanField()
    secret = forms.CharField(widget=forms.HiddenInput, initial="7")


class Choices(forms.Form):
    team = forms.ModelChoiceField(Team.objects.none(), required=False)
    calendar = forms.ModelChoiceField(Team.objects.none(), required=False, empty_label="The organisation's")
    kind = forms.ModelChoiceField(Team.objects.none())


def test_a_choice_of_nothing_is_in_words() -> None:
    form = Choices()
    offered = [words.control(form[name]) for name in form.fields]
    assert [html.partition("</option>")[0].rpartition(">")[2] for html in offered] == [
        "None",
        "The organisation&#x27;s",
        "Choose…",
    ]


def test_a_page_with_errors_says_so_in_its_title() -> None:
    html = Template('{% extends "account/base.html" %}').render(Context({"form": Sheet({}), "organisation": "Acme"}))
    assert "<title>Error: " in html


def test_every_error_stands_beside_its_field_and_in_the_summary() -> None:
    html = Template('{% include "components/form.html" %}').render(Context({"form": Sheet({"on": "2026-13-40"})}))
    for name in ("name", "on", "sure"):
        assert f'id="id_{name}_error"' in html
        assert f'href="#id_{name}"' in html
    assert 'type="date"' in html
    assert 'value="2026-13-40"' in html
    assert html.count('aria-invalid="true"') >= 3
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert "<legend>Kind" in html
    assert html.count('name="secret"') == 1
    assert '<div class="notice s-bad" role="alert" tabindex="-1" autofocus>' in html


def test_a_name_from_right_to_left_keeps_together_within_a_sentence() -> None:
    assert words.isolated("Fibre") == "Fibre"
    assert words.isolated("電力供給") == "電力供給"
    assert words.isolated("اعتماد السعة") == "\u2068اعتماد السعة\u2069"


def test_a_long_text_begins_with_whole_sentences_or_whole_words() -> None:
    assert words.begins("Short.", 600) == "Short."
    assert words.begins("One two three. Four five six seven eight", 20) == "One two three."
    assert words.begins("One two three four, five", 20) == "One two three four…"
    assert words.begins("A. Then a very long sentence", 20) == "A. Then a very long…"
    assert words.begins("unbroken" * 10, 20) == "unbrokenunbrokenunbr…"
