"""What leads say each week, who gets the letter, and the letters themselves."""

from reports.models.letter import Letter, Subscription
from reports.models.update import Update

__all__ = ["Letter", "Subscription", "Update"]
