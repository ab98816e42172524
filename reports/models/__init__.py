"""What leads say each week, the communication plan with its readers and letters, and the review of the portfolio."""

from reports.models.letter import Letter, Subscription, WebhookSecret
from reports.models.lint import LintPolicy
from reports.models.plan import Plan, PlanProgram, PlanTeam
from reports.models.reminder import Reminder
from reports.models.review import Review, ReviewAction
from reports.models.update import Update

__all__ = [
    "Letter",
    "LintPolicy",
    "Plan",
    "PlanProgram",
    "PlanTeam",
    "Reminder",
    "Review",
    "ReviewAction",
    "Subscription",
    "Update",
    "WebhookSecret",
]
