"""Names of a package that need an extra: their modules are imported when somebody asks for them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["on_demand"]


def on_demand(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` (PEP 562) that fetches names from the package's own modules.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : mapping of str to str
        Public name -> module of the package that holds it.

    Examples
    --------
    >>> fetch = on_demand("nonideal", {"Estimate": "estimate"})
    >>> fetch("Estimate").__name__
    'Estimate'
    >>> fetch("Guess")
    Traceback (most recent call last):
        ...
    AttributeError: module 'nonideal' has no attribute 'Guess'
    """

    def fetch(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{names[name]}"), name)

    return fetch
