"""The two measures of how likely a risk is, and where they say different things."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

FIFTH = Decimal("0.2")


def contradiction(probability: Decimal | None, likelihood: int | None) -> str:
    """Why a probability and a likelihood from 1 to 5 do not go together; empty where they do, or one is missing.

    A likelihood stands for a fifth of all probabilities, and nobody estimates so well that the next one would be wrong.

    >>> contradiction(Decimal("0.35"), 1), contradiction(Decimal("0.8"), 5), contradiction(None, 5)
    ('', '', '')
    >>> contradiction(Decimal("0.1"), 5)[:64]
    'A probability of 10% and a likelihood of 5 of 5 contradict each '
    """
    if probability is None or likelihood is None:
        return ""
    if (likelihood - 2) * FIFTH <= probability <= (likelihood + 1) * FIFTH:
        return ""
    return _(
        "A probability of %(percent)s%% and a likelihood of %(likelihood)s of 5 contradict each other: exposure and "
        "forecast go by the probability, the matrix by the likelihood."
    ) % {"percent": f"{(probability * 100).normalize():f}", "likelihood": likelihood}
