"""The examples in the docstrings of the installed package run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import nonideal
from nonideal.errors import MissingExtra

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nonideal.__path__, "nonideal.")
    if not module.name.startswith("nonideal._core")
)


def imported(name):
    try:
        return importlib.import_module(name)
    except MissingExtra as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(imported(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert results.failed == 0


def test_there_are_examples():
    assert len(MODULES) > 40
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(name) for name in MODULES if not name.endswith(".torch_sim")]
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 100
