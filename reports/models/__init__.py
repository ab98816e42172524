"""What leads say each week, who gets the letter, the letters themselves, and the review of the portfolio."""

from reports.models.letter import Letter, Subscription
from reports.models.lint import LintPolicy
from reports.models.review import Review, ReviewAction
from reports.models.update import Update

__all__ = ["Letter", "LintPolicy", "Review", "ReviewAction", "Subscription", "Update"]
