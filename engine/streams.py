"""Random numbers that stay with their task: rows of ranks by uid, which survive inserting and deleting others.

Each row is a rotation of one of a few random permutations of the ranks 0..samples - 1. Taking the quantiles of a
distribution in the order of such a row is Latin hypercube sampling (McKay, Beckman and Conover 1979): each marginal is
exact, and two rows are as good as independent. A rotation costs nothing, which is why the rows are not drawn one by
one; a uid's permutation and rotation come from a bijection on the slots, so that no two uids share a slot before there
are more of them than slots. A plain hash would make some pairs of tasks move as one.
"""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import EngineError, IntArray

Floats = NDArray[np.float32]

PERMUTATIONS = 64
TASKS, RISKS, DRIVERS = range(3)  # rows of different kinds never share a permutation
_BITS = 21  # slots are found inside 2^21
MOST_SAMPLES = (1 << _BITS) // PERMUTATIONS


@dataclass(frozen=True, slots=True)
class Streams:
    """Rows of ranks int64[samples] by kind and uid, the same for the same seed.

    >>> streams = Streams(samples=8, seed=1)
    >>> sorted(streams.ranks(TASKS, 42).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7]
    >>> np.array_equal(streams.ranks(TASKS, 42), Streams(samples=8, seed=1).ranks(TASKS, 42))
    True
    """

    samples: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise EngineError(f"A simulation takes 1 to {MOST_SAMPLES} samples, not {self.samples}.")

    def slot(self, kind: int, uid: int) -> tuple[int, int]:
        """Permutation and rotation of a uid's row."""
        permutation, rotation = self.slots(kind, np.array([uid]))
        return int(permutation[0]), int(rotation[0])

    def slots(self, kind: int, uids: Any) -> tuple[IntArray, IntArray]:
        """Permutations and rotations int64[n] of many uids: a bijection until there are more uids than slots.

        >>> kinds, rotations = Streams(samples=10_000, seed=0).slots(TASKS, np.arange(640_000))
        >>> np.unique(kinds * 10_000 + rotations).size
        640000
        """
        count = PERMUTATIONS * self.samples
        slot = np.asarray(uids, dtype=np.int64) % count
        slot = _mixed(slot, kind)
        while (outside := slot >= count).any():  # walk the cycle until it comes back inside
            slot[outside] = _mixed(slot[outside], kind)
        return slot % PERMUTATIONS, slot // PERMUTATIONS

    def ranks(self, kind: int, uid: int) -> IntArray:
        """The row of ranks of a uid: a view, not to be written to."""
        permutation, rotation = self.slot(kind, uid)
        row: IntArray = self.permutations(kind)[permutation, rotation : rotation + self.samples]
        return row

    def permutations(self, kind: int) -> IntArray:
        """The permutations of a kind int64[PERMUTATIONS, 2 x samples], each written twice, so that a view rotates."""
        return _permutations(self.samples, self.seed, kind)


@lru_cache(maxsize=6)
def _permutations(samples: int, seed: int, kind: int) -> IntArray:
    rng = np.random.default_rng([seed, kind, samples])
    rows = np.stack([rng.permutation(samples) for _ in range(PERMUTATIONS)]).astype(np.int64)
    doubled = np.concatenate([rows, rows], axis=1)
    doubled.flags.writeable = False
    return doubled


def _mixed(slot: IntArray, kind: int) -> IntArray:
    """A bijection of the integers below 2^_BITS: odd multiplications and shifts, each of which can be undone."""
    mask = (1 << _BITS) - 1
    mixed = (slot + 0x5_1ED + 0x1_2345 * kind) & mask
    for factor in (0x1_6A09, 0x0_BB67, 0x1_3C6F):
        mixed = (mixed * (factor | 1)) & mask
        mixed ^= mixed >> 11
    return mixed


def strata(samples: int) -> NDArray[np.float64]:
    """The middle of each of `samples` equal parts of 0..1, float64[samples].

    >>> strata(4).tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    return np.asarray((np.arange(samples) + 0.5) / samples)


@lru_cache(maxsize=6)
def normal(samples: int) -> NDArray[np.float64]:
    """Standard normal quantiles at the strata, float64[samples].

    >>> normal(3).round(4).tolist()
    [-0.9674, 0.0, 0.9674]
    """
    quantile = NormalDist().inv_cdf
    return np.array([quantile(p) for p in strata(samples)])


def triangular(p: Any, low: float, likely: float, high: float) -> NDArray[np.float64]:
    """Quantiles of the triangular distribution at probabilities `p` (Kotz and van Dorp 2004, section 1.2).

    >>> triangular([0.0, 0.5, 1.0], 80, 100, 120).tolist()
    [80.0, 100.0, 120.0]
    """
    p = np.asarray(p, dtype=np.float64)
    width = high - low
    if width <= 0:
        return np.full(p.shape, float(likely))
    rising = low + np.sqrt(p * width * (likely - low))
    falling = high - np.sqrt((1 - p) * width * (high - likely))
    return np.asarray(np.where(p * width <= likely - low, rising, falling))
