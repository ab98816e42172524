"""Columns of plain numbers, or a refusal that says what is none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import EngineError

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


class NotFinite(EngineError):
    """A number that is missing or endless where each must be known."""


class UnequalShapes(EngineError):
    """Columns of one table that do not have one entry for each row."""


def finite(name: str, values: Any) -> FloatArray:
    """`values` as float64, of any shape; raises NotFinite where one is NaN or infinite.

    >>> finite("A day", [1, 2]).tolist()
    [1.0, 2.0]
    >>> finite("A day", [1, float("nan")])
    Traceback (most recent call last):
        ...
    engine.columns.NotFinite: A day must be a finite number; nan at position 1 is none.
    """
    numbers = np.asarray(values, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise NotFinite(f"{name} must be a finite number; {numbers.flat[wrong[0]]} at position {wrong[0]} is none.")
    return numbers


def same_shape(name: str, *columns: NDArray[Any]) -> None:
    """Raise UnequalShapes unless all columns have the shape of the first.

    >>> same_shape("forecast", np.zeros(2), np.zeros(3))
    Traceback (most recent call last):
        ...
    engine.columns.UnequalShapes: Each forecast needs one entry in each array; the shapes are (2,) and (3,).
    """
    shapes = list(dict.fromkeys(column.shape for column in columns))
    if len(shapes) > 1:
        raise UnequalShapes(f"Each {name} needs one entry in each array; the shapes are {shapes[0]} and {shapes[1]}.")
