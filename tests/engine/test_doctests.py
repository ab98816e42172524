"""Every example in the engine's docstrings holds."""

import doctest
import importlib
import pkgutil

import pytest

import engine

MODULES = ["engine", *(f"engine.{module.name}" for module in pkgutil.iter_modules(engine.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
