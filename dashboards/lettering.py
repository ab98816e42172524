"""How wide words are in a drawing, which has to know before any browser has set them; and what of them has room."""

from __future__ import annotations

from unicodedata import category, east_asian_width

NAME, SMALL = 12, 11  # pixels of the letters of names, and of other words
LINE = 12  # pixels from line to line of what stands in two
# How wide letters are against their size, at most: as measured in our font, and in what is usual where it has none.
CLASSES = {
    "iljıIاأإآ.,:;·'’‘!|/\\ ": 0.3,
    "tfr()[]{}`-": 0.4,
    "NOQGH": 0.78,
    "mwM": 0.91,
    "W@%…—سشصضطظЖШЩЮЫФМжшщюыфмΩω": 1.04,
}
WIDTHS = {letter: wide for letters, wide in CLASSES.items() for letter in letters}
OTHERS, CAPITAL, SQUARE, PICTURE = 0.61, 0.73, 1.0, 1.3


def _letter(letter: str) -> float:
    if letter in WIDTHS:
        return WIDTHS[letter]
    kind = category(letter)
    if kind in ("Mn", "Me", "Cf"):
        return 0.0  # an accent or a mark over, below or between others
    if east_asian_width(letter) in "WF":
        return PICTURE if kind == "So" else SQUARE
    return CAPITAL if kind == "Lu" else OTHERS


def width(text: str, size: int = NAME) -> float:
    """How many pixels a text takes: hardly ever too few.

    >>> round(width("Cooling")), round(width("WWWWWWW")), round(width("冷却設備"))
    (45, 87, 48)
    """
    return size * sum(map(_letter, text))


def cut(text: str, room: float, size: int = NAME) -> str:
    """A text that fits in so many pixels.

    >>> cut("Cooling commissioned", 80), cut("冷却設備の試運転完了", 80)
    ('Cooling co…', '冷却設備の…')
    """
    if width(text, size) <= room:
        return text
    left, kept = room - width("…", size), ""
    for letter in text:
        left -= width(letter, size)
        if left < 0:
            break
        kept += letter
    return f"{kept.rstrip()}…"


def wrapped(text: str, room: float, size: int = NAME) -> list[str]:
    """A text in at most two lines of so many pixels, between words where that is possible.

    >>> wrapped("Rack burn-in complete", 90), wrapped("冷却設備の試運転完了", 80)
    (['Rack burn-in', 'complete'], ['冷却設備の', '試運転完了'])
    """
    if width(text, size) <= room:
        return [text]
    words = text.split(" ")
    firsts = (" ".join(words[:count]) for count in range(len(words) - 1, 0, -1))
    first = next((one for one in firsts if width(one, size) <= room), cut(text, room, size)[:-1])
    return [first, cut(text.removeprefix(first).lstrip(), room, size)]
