"""The draft of an update: sentences from the facts of a snapshot, by rules. Pure: the same facts, the same sentences.

Every date stands beside what it is held against, and every number is computed from fields that the sentence names as
its sources; ``reports.updates.checker`` computes them again.
"""

from __future__ import annotations

from reports.updates.drafting import forecast, log, plan
from reports.updates.drafting.sentences import Sentence
from reports.updates.drafting.sources import Facts

# Raised when a rule words its sentences otherwise: what another version drafted is not drafted again to check it.
VERSION = 5
# The heaviest news first.
RULES = (
    forecast.health,
    forecast.slip,
    forecast.causes,
    plan.moves,
    plan.missed,
    plan.met,
    plan.hand_offs,
    log.kpis,
    log.issues,
    log.risks,
    log.decisions,
    plan.baselines,
)


def draft(facts: Facts) -> list[Sentence]:
    """All that the rules have to say of a program."""
    return [sentence for rule in RULES for sentence in rule(facts)]
