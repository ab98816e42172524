"""What may not be counted: findings and moves about programs that a reader may not see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from forecasts.health import SLIP_RULES

NOBODYS = {"kind": "risk", "id": None, "program": None}


def together(findings: Iterable[Any], visible: Collection[int]) -> list[Any]:
    """Findings with all of one rule that are about hidden programs as one, in the place of the first.

    Days of a slip are added up, since the first of them, so that they still come to the slip; of other rules the
    weightiest speaks for all.

    >>> risk = {"rule": "risk", "label": "", "value": 0.5, "since": "2026-11-20", "record": NOBODYS | {"program": 7}}
    >>> told = together([risk | {"days": 2}, {"rule": "own_work"}, risk | {"days": 3}], [1])
    >>> [(one["rule"], one.get("days")) for one in told]
    [('risk', 5), ('own_work', None)]
    """
    found: list[Any] = []
    ones: dict[str, dict[str, Any]] = {}
    for item in findings:
        if not _is_hidden(item, visible):
            found.append(item)
            continue
        rule = str(item.get("rule"))
        one = ones.get(rule)
        if one is None:
            masked = {"record": NOBODYS, "label": "", "value": None, "limit": None} if rule == "risk" else {}
            one = ones[rule] = dict(item) | masked
            found.append(one)
        elif rule in SLIP_RULES:
            one["days"] = (one.get("days") or 0) + (item.get("days") or 0)
            one["since"] = min(one.get("since") or "", item.get("since") or "")
    return found


def first_of_each(moves: Iterable[Any], visible: Collection[int]) -> list[Any]:
    """Moves, with the first alone of those of one rule that are about hidden programs: what each would win by itself
    does not add up."""
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
    if not isinstance(record, Mapping):
        return False
    # Risks that were made one already are nobody's.
    return record.get("program") not in visible and (record.get("kind") == "risk" or record.get("program") is not None)
