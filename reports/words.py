"""The words of letters: people's own made harmless, numbers and days as they are said."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from unicodedata import category
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
# Format characters that scripts and emoji need; the others can turn a line around.
JOINERS = "\u200c\u200d"
EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")


@lru_cache(maxsize=20_000)
def plain(text: str, most: int = 200) -> str:
    """Somebody's words on one line, without control characters and marks of emphasis, cut to a length.

    >>> plain("a\\r\\nBcc:  b\\u202e"), plain("**Power** is 2 ** 3 d late")
    ('a Bcc: b', 'Power is 2 ** 3 d late')
    """
    kept = "".join(" " if category(c) in {"Cc", "Zl", "Zp"} else c for c in text if category(c) != "Cf" or c in JOINERS)
    line = EMPHASIS.sub(r"\2", " ".join(kept.split()))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def days(value: int) -> str:
    """Days with their sign.

    >>> days(12), days(-2), days(0)
    ('+12 d', '−2 d', '0 d')
    """
    return f"{value:+} d".replace("-", "−") if value else "0 d"


def count(number: int, one: str, many: str) -> str:
    """
    >>> count(1, "decision waits", "decisions wait"), count(14, "decision waits", "decisions wait")
    ('one decision waits', '14 decisions wait')
    """
    return f"{NUMBERS[number] if number < len(NUMBERS) else number} {one if number == 1 else many}"


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def both(names: list[str]) -> str:
    return " and ".join(names)


def short(day: date) -> str:
    return date_format(day, "j M")


def ended(text: str) -> str:
    """Somebody's words as the end of a sentence."""
    words = plain(text, 200)
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def local(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{date_format(local, 'j M Y, H:i')} {local.tzname()}"


def span(first: date, last: date) -> str:
    if first >= last:
        return date_format(last, "j M Y")
    start = "j" if first.month == last.month else "j M" if first.year == last.year else "j M Y"
    return f"{date_format(first, start)} to {date_format(last, 'j M Y')}"
