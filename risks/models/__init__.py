"""The RAID log: risks, assumptions, issues and decisions; and problems that recur over programs."""

from risks.models.assumption import Assumption
from risks.models.decision import Decision
from risks.models.issue import Issue
from risks.models.problem import Problem, ProblemCost
from risks.models.risk import MitigationAction, Risk, RiskImpact, RiskQuerySet

__all__ = [
    "Assumption",
    "Decision",
    "Issue",
    "MitigationAction",
    "Problem",
    "ProblemCost",
    "Risk",
    "RiskImpact",
    "RiskQuerySet",
]
