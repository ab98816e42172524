"""What may not be counted: the risks of programs that a reader may not see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

NOBODYS = {"kind": "risk", "id": None, "program": None}


def together(findings: Iterable[Any], visible: Collection[int]) -> list[Any]:
    """Findings with all risks of hidden programs as one, in the place of the first: their days together, since the
    first of them.

    >>> risk = {"rule": "risk", "label": "", "value": 0.5, "since": "2026-11-20", "record": NOBODYS | {"program": 7}}
    >>> told = together([risk | {"days": 2}, {"rule": "own_work"}, risk | {"days": 3}], [1])
    >>> [(one["rule"], one.get("days")) for one in told]
    [('risk', 5), ('own_work', None)]
    """
    found: list[Any] = []
    one: dict[str, Any] | None = None
    for item in findings:
        if not _is_hidden(item, visible):
            found.append(item)
        elif one is None:
            one = dict(item) | {"record": NOBODYS, "label": "", "value": None, "limit": None}
            found.append(one)
        else:
            one["days"] = (one.get("days") or 0) + (item.get("days") or 0)
            one["since"] = min(one.get("since") or "", item.get("since") or "")
    return found


def first_of_each(moves: Iterable[Any], visible: Collection[int]) -> list[Any]:
    """Moves, with the first alone of those of one rule that are about risks of hidden programs: what each would win by
    itself does not add up."""
    seen: set[str] = set()
    found = []
    for move in moves:
        if _is_hidden(move, visible):
            if move["rule"] in seen:
                continue
            seen.add(move["rule"])
        found.append(move)
    return found


def _is_hidden(item: Any, visible: Collection[int]) -> bool:
    record = item.get("record") if isinstance(item, Mapping) else None
    return isinstance(record, Mapping) and record.get("kind") == "risk" and record.get("program") not in visible
