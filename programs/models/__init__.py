"""Programs, the people and roles around them, their objectives, phases, what their leads report and what people say."""

from programs.models.comment import Comment, Subject
from programs.models.health import Health, ReportedHealth
from programs.models.objective import Objective
from programs.models.phase import GateAction, GateCriterion, Phase
from programs.models.program import Alignment, OfProgramQuerySet, PartnerTeam, Precision, Program, Revision
from programs.models.related import RelatedLink
from programs.models.role import Role, Slot
from programs.models.watch import Notice, Watch

__all__ = [
    "Alignment",
    "Comment",
    "GateAction",
    "GateCriterion",
    "Health",
    "Notice",
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
    "Subject",
    "Watch",
]
