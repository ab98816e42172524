"""Programs, the people and roles around them, their objectives, phases and what their leads report."""

from programs.models.health import Health, ReportedHealth
from programs.models.objective import Objective
from programs.models.phase import GateAction, GateCriterion, Phase
from programs.models.program import Alignment, OfProgramQuerySet, PartnerTeam, Precision, Program, Revision
from programs.models.related import RelatedLink
from programs.models.role import Role, Slot

__all__ = [
    "Alignment",
    "GateAction",
    "GateCriterion",
    "Health",
    "Objective",
    "OfProgramQuerySet",
    "PartnerTeam",
    "Phase",
    "Precision",
    "Program",
    "RelatedLink",
    "ReportedHealth",
    "Revision",
    "Role",
    "Slot",
]
