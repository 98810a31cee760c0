"""Experiments: each answers one question and reproduces a published system's main finding with it.

`nonideal.experiments.registry` shows what a module needs to be one, `nonideal.experiments.options` how it
declares its options.
"""

from nonideal.experiments.execution import execute, make_result
from nonideal.experiments.options import BaseConfig, ByScale, Grid, option, redeclared
from nonideal.experiments.registry import Description, Experiment, describe, load, names
from nonideal.parallel import Runner
from nonideal.report.result import Comparison, Curve, Result, Table

__all__ = [
    "BaseConfig",
    "ByScale",
    "Comparison",
    "Curve",
    "Description",
    "Experiment",
    "Grid",
    "Result",
    "Runner",
    "Table",
    "describe",
    "execute",
    "load",
    "make_result",
    "names",
    "option",
    "redeclared",
]
