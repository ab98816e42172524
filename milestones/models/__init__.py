"""Dated promises and what they wait for: milestones, requirements, dependencies, baselines."""

from milestones.models.baseline import Baseline, BaselineDate
from milestones.models.date_move import DateMove
from milestones.models.dependency import Dependency, DependencyQuerySet, is_awaited, is_given
from milestones.models.milestone import MOST_WORK_MINUTES, Milestone, MilestoneQuerySet, due_of
from milestones.models.requirement import Requirement, RequirementQuerySet
from milestones.models.slip_cause import SlipCause
from milestones.models.workstream import Workstream

__all__ = [
    "MOST_WORK_MINUTES",
    "Baseline",
    "BaselineDate",
    "DateMove",
    "Dependency",
    "DependencyQuerySet",
    "Milestone",
    "MilestoneQuerySet",
    "Requirement",
    "RequirementQuerySet",
    "SlipCause",
    "Workstream",
    "due_of",
    "is_awaited",
    "is_given",
]
