"""Best next moves as sentences: what to do, where it is done, and the days of P80 it would buy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as lazy

from dashboards.evidence import HIDDEN, address, words
from dashboards.templatetags.words import number

MOST_MOVES = 10
# What to do, and what that means.
DEEDS = {
    "close_risk": (lazy("Close {name}: {label}"), lazy("So that it can no longer happen.")),
    "mitigate": (lazy("Mitigate {name}: {label}"), lazy("As planned, that leaves it {value} likely.")),
    "pull_in": (lazy("Pull in {label}"), lazy("With {value} days less of work.")),
    "keep_hand_off": (lazy("Get {label} by the day it is needed"), lazy("That is {value}.")),
    "relieve_team": (lazy("Relieve {label}"), lazy("Overload makes its work take up to {value} times as long.")),
}
HIDDEN_DEEDS = {
    "close_risk": lazy("Have a risk of {label} closed"),
    "mitigate": lazy("Have a risk of {label} mitigated"),
    "keep_hand_off": lazy("Get what {label} owes by the day it is needed"),
}


@dataclass
class Deed:
    """Something to do. ``days`` of P80 are those of all programs that it helps, the most helped first."""

    title: str
    text: str
    url: str
    days: int = 0
    helped: list[tuple[str, int]] = field(default_factory=list)


def tell(moves: Iterable[Any], keys: Mapping[int, str], helped: str = "") -> list[Deed]:
    """The moves of one program. ``keys`` are those of the programs that the reader may see, by id."""
    return add_up([(helped, moves)], keys)


def add_up(programs: Iterable[tuple[str, Iterable[Any]]], keys: Mapping[int, str]) -> list[Deed]:
    """Moves of programs by key, summed where they are the same deed, most days first."""
    found: dict[tuple[str, str, Any], Deed] = {}
    helped: dict[tuple[str, str, Any], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    forms = {rule: (str(title), str(text)) for rule, (title, text) in DEEDS.items()}
    for program, moves in programs:
        for move in moves:
            record = move["record"]
            deed = (move["rule"], record["kind"], record["id"])
            if deed not in found:
                found[deed] = _told(move, keys, forms)
            found[deed].days += move["days"]
            helped[deed][program] += move["days"]
    for deed, told in found.items():
        told.helped = sorted(helped[deed].items(), key=lambda pair: (-pair[1], pair[0]))
    ordered = sorted(found.values(), key=lambda deed: (-deed.days, deed.title))
    # Nobody is to count what is hidden: of hidden deeds that read alike, the one that wins most.
    shown: dict[tuple[str, str], Deed] = {}
    for at, one in enumerate(ordered):
        shown.setdefault((one.title, str(at) if one.url else ""), one)
    return list(shown.values())[:MOST_MOVES]


def _told(move: Mapping[str, Any], keys: Mapping[int, str], forms: Mapping[str, tuple[str, str]]) -> Deed:
    rule, record, value = move["rule"], move["record"], move["value"]
    key = keys.get(record["program"])
    if key is None:
        return Deed(HIDDEN_DEEDS.get(rule, "{label}").format(label=str(HIDDEN)), "", "")
    title, text = forms.get(rule, ("{label}", ""))
    url, name = address(record, f"/p/{key}"), f"R-{record['id']}"
    written = f"{number(float(value) * 100)}%" if rule == "mitigate" else words(value)
    return Deed(title.format(name=name, label=move["label"]), text.format(value=written), url)
