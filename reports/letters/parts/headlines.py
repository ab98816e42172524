"""The one line that says a letter's news: bad news first, and what waits for its reader."""

from __future__ import annotations

from programs.models import Health, Program
from reports.letters.facts import Facts
from reports.letters.parts.health import turned
from reports.words import both, count, plain, sentence


def news_of(facts: Facts, slipped: list[tuple[int, Program]]) -> str:
    """The strongest change of colour, in words: bad news first."""
    changed = [(p, now) for p, _, now in turned(facts)]
    for health, words in (
        (Health.OFF_TRACK, "now off track"),
        (Health.AT_RISK, "now at risk"),
        (Health.DONE, "done"),
        (Health.ON_TRACK, "back on track"),
    ):
        if health == Health.ON_TRACK and slipped:
            continue
        names = [plain(p.name, 60) for p, now in changed if now == health]
        if len(names) > 2:
            return count(len(names), f"program is {words}", f"programs are {words}")
        if names:
            return f"{both(names)} {'is' if len(names) == 1 else 'are'} {words}"
    return ""


def least(later: list[tuple[int, Program]]) -> str:
    """Slips of less than a week, told where there is no stronger news."""
    if not later:
        return ""
    move, program = later[0]
    most = f", the most of {count(len(later), 'program', 'programs')}" if len(later) > 1 else ""
    return f"{plain(program.name, 60)} slipped {move} d{most}"


def slips(number: int) -> str:
    return count(number, "forecast slipped", "forecasts slipped") + " by a week or more" if number else ""


def headline_of(facts: Facts, slipped: list[tuple[int, Program]], news: str, asked: str) -> str:
    if not facts.programs:
        return "No program is open to you yet."
    rest = ", and ".join(filter(None, [news, asked]))
    calm = "" if slipped or news else "no program changed colour and no forecast slipped"
    return " ".join(sentence(part) for part in (slips(len(slipped)), calm, rest) if part)


def partner_headline(number: int, late: int) -> str:
    if not number:
        return "Your teams give and get nothing that is still open."
    whole = count(number, "hand-off of your teams is open", "hand-offs of your teams are open")
    return sentence(
        f"{whole}, {count(late, 'comes too late', 'come too late')}" if late else f"{whole}, none comes too late"
    )
