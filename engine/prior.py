"""The shipped default uncertainty: what to expect of work and promises before an organisation has a record of its own.

Every figure was fitted on public data by `./run bench prior`, which prints them; docs/forecasting.md says on which, how
they were judged, and where they end. Nothing here is fitted when the engine runs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.network import IntArray

Doubles = NDArray[np.float64]

QUANTILES = 200  # of a shape, unless asked otherwise
DAY_MIN = 480
SIZE_MIN = (2 * DAY_MIN, 10 * DAY_MIN)  # the longest work, in working minutes, that is still small; still medium
SMALL, MEDIUM, LARGE = range(3)

# Log of actual over planned work at these probabilities, by size.
KNOTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
LOG_RATIO = (
    (-0.564, -0.356, -0.148, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.182, 0.476, 0.805, 0.995),
    (-0.823, -0.256, -0.062, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.064, 0.167, 0.224, 0.335),
    (-1.463, -0.324, -0.101, -0.007, 0.046, 0.06, 0.06, 0.06, 0.072, 0.115, 0.149, 0.213, 0.361),
)

# Log-standard deviations: of what all work of a program shares, of what all work of a team shares beyond that, of one
# piece of finished work around its program's, and of the time until a planned start.
PROGRAM_LOG_SD = 0.11
TEAM_LOG_SD = 0.05
WORK_LOG_SD = 0.348
WAIT_LOG_SD = 0.2

OVERRUN_P80 = 1.178  # a program's actual over planned duration, for comparison

# Promises kept by a team: Beta(KEPT, MISSED); and by how many days the others are late, at LATE_KNOTS.
KEPT, MISSED = 2.75, 0.73
LATE_KNOTS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
LATE_DAYS = (1.7, 2.0, 4.0, 16.2, 58.0, 126.3, 198.5)

# A promise with only planned dates. It is soon up to SOON_DAYS ahead, and no longer so from LATER_DAYS ahead.
SOON_DAYS, LATER_DAYS = 120, 180
CHANCE_BASE = 0.459
CHANCE_WEIGHTS = (0.464, 0.611, -0.717, 0.39)
SLOT_DAYS = 120  # days from one occasion to deliver to the next
LATE_SLOTS_SOON = (0.476, 0.712, 0.818, 0.882, 0.924, 0.924, 0.953, 0.976, 0.988, 1.0)
LATE_SLOTS_LATER = (0.25, 0.434, 0.551, 0.676, 0.75, 0.787, 0.838, 0.89, 0.934, 0.978, 0.985, 1.0)


def size_class(work_min: Any) -> IntArray:
    """SMALL, MEDIUM or LARGE by planned working minutes, int64[...].

    >>> size_class([960, 961, 4801]).tolist()
    [0, 1, 2]
    """
    return np.searchsorted(SIZE_MIN, np.asarray(work_min), side="left").astype(np.int64)


def ratio_shape(size: int, q: int = QUANTILES) -> Doubles:
    """Actual over planned work of a size class: quantiles float64[q] at (i + 0.5) / q, none below the one before.

    >>> ratio_shape(MEDIUM, 4).size
    4
    """
    return np.asarray(np.exp(np.interp(_middles(q), KNOTS, LOG_RATIO[size])))


def late_shape(q: int = QUANTILES) -> Doubles:
    """Days by which a promise is late that is late: quantiles float64[q] at (i + 0.5) / q.

    >>> bool(np.all(np.diff(late_shape()) >= 0))
    True
    """
    return np.interp(_middles(q), LATE_KNOTS, LATE_DAYS)


def _middles(q: int) -> Doubles:
    return np.asarray((np.arange(q) + 0.5) / q)
