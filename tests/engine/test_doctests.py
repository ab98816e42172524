"""Every example in the engine's docstrings holds."""

import doctest
from types import ModuleType

import pytest

import engine
from engine import calendars, cpm, network


@pytest.mark.parametrize("module", [engine, calendars, network, cpm], ids=lambda module: module.__name__)
def test_examples_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
