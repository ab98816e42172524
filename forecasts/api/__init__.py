"""Forecasts, derived health with its evidence, the load of teams, and baselines, which freeze a forecast."""

from forecasts.api.accuracy import Accuracy
from forecasts.api.baselines import BaselineDates, Baselines
from forecasts.api.forecasts import Drivers, Forecasts, RiskForecasts
from forecasts.api.health import Healths, ProgramHealths, Why
from forecasts.api.impact import WhatIf
from forecasts.api.loads import Load
from forecasts.api.plans import Quality, Trends
from forecasts.api.policy import HealthPolicies

__all__ = [
    "Accuracy", "BaselineDates", "Baselines", "Drivers", "Forecasts", "HealthPolicies", "Healths", "Load",
    "ProgramHealths", "Quality", "RiskForecasts", "Trends", "WhatIf",
    "Why",
]  # fmt: skip
