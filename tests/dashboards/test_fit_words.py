"""Words in drawings are cut to the room that they have, by the widths of their letters."""

from __future__ import annotations

import pytest

from dashboards.lettering import cut, width, wrapped

ROOM = 156  # of a name on a card of the map of hand-offs
# What a browser makes of them, measured: pixels of our font at 12 px and its heaviest weight, or of another's.
MEASURED = {
    "W" * 90: 90 * 12.46,
    "MWMW" * 20: 40 * (11.03 + 12.46),
    "冷却設備の試運転" * 9: 72 * 11.96,
    "س" * 60: 60 * 12.43,
    "مراكز البيانات في الشرق الأوسط": 194.4,
    "ТЕПЛОСНАБЖЕНИЕ ЖШЩ": 164.0,
    "Power and liquid cooling 42 MW": 185.6,
}


@pytest.mark.parametrize("name", MEASURED)
def test_no_name_is_wider_than_it_is_taken_for(name: str) -> None:
    assert width(name) > MEASURED[name] * 0.97
    kept = cut(name, ROOM)
    assert width(kept) <= ROOM
    if MEASURED[name] > ROOM:
        assert kept.endswith("…")


def test_a_name_that_has_room_is_left_whole() -> None:
    assert cut("Cooling", 50) == "Cooling"
    assert cut("Region NA-4 capacity", ROOM) == "Region NA-4 capacity"
    assert cut("illicit filling, 1 till III", ROOM) == "illicit filling, 1 till III"
    assert cut("", 0) == ""


def test_a_wide_name_keeps_as_many_letters_as_have_room() -> None:
    assert cut("W" * 90, ROOM) == "W" * 11 + "…"
    assert cut("冷却" * 20, 100) == "冷却冷却冷却冷…"
    # An accent that is a letter of its own takes no room.
    assert cut("e\u0301" * 9, ROOM) == "e\u0301" * 9


def test_a_name_in_two_lines_has_each_in_its_room() -> None:
    for line in wrapped("W" * 90, 102, 11):
        assert width(line, 11) <= 102
