"""Every example in a docstring of ours holds."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = (
    "dashboards", "engine", "forecasts", "history", "integrations", "metrics", "milestones", "people", "programs",
    "reports", "risks", "tpm",
)  # fmt: skip
MODULES = [
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    # Addresses of an app hold no examples, and need the converters that tpm.urls registers.
    if ".migrations" not in module.name and not module.name.endswith(".urls")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
