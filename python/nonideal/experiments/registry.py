"""Finding experiments by name.

An experiment is a module; this is all that it needs:

.. code-block:: python

    # python/nonideal/experiments/pi_by_darts.py            nonideal run pi-by-darts --darts 1e4,1e6
    \"\"\"How many darts does it take to know pi?\"\"\"

    from dataclasses import dataclass

    from nonideal.experiments import BaseConfig, Runner, make_result, option

    QUESTION = "How many darts does it take to know pi?"    # literals: read without importing the module
    QUICK_TIME = "2 s"
    EXTRAS = ()                                             # for instance ("torch",)

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):                               # brings scale and seed
        darts: int = option(10_000, help="darts per throw", minimum=1)

    def throw(shard):                                       # top level, so that other processes can import it
        ...
        return {"hits": hits}                               # JSON-able, or a dict of arrays

    def run(config: Config, runner: Runner | None = None) -> Result:
        config = config.with_seed()                         # draws one where it is None
        runner = runner or Runner()                         # quiet, in this process, nothing stored
        shards = [{"seed": config.seed, "index": index, "darts": config.darts} for index in range(40)]
        hits = runner.map(throw, shards, label="throws")
        return make_result(__name__, config, answer="...", metrics={"pi": Estimate(...)}, limits=[...])

    def figures(result: Result) -> dict[str, Figure]:       # of the result alone: can be drawn again later
        from nonideal.report.figures import draw_curve, new_figure   # matplotlib only when it is needed
        ...

The name is the module's, with dashes. Heavy libraries are best imported at the top of the packages that need
them and inside `figures`: ``nonideal list`` and ``--help`` import no experiment but the one that is asked
about. Another distribution brings its own experiments by entry points of the group ``nonideal.experiments``,
name = module.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from nonideal.errors import InvalidArgument, MissingExtra
from nonideal.experiments.options import BaseConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nonideal.parallel import Runner
    from nonideal.report import Result

__all__ = ["Description", "Experiment", "closest", "describe", "load", "name_of", "names"]

_ENTRY_POINTS = "nonideal.experiments"


class Experiment(Protocol):
    """What an experiment's module offers."""

    QUESTION: str
    QUICK_TIME: str
    EXTRAS: tuple[str, ...]
    Config: type[BaseConfig]

    def run(self, config: Any, runner: Runner | None = None) -> Result:
        """Answer the question."""

    def figures(self, result: Result) -> dict[str, Figure]:
        """Draw the result."""


@dataclass(frozen=True)
class Description:
    """What ``nonideal list`` says about an experiment.

    Parameters
    ----------
    name : str
        As in ``nonideal run NAME``.
    question : str
        What it answers.
    quick_time : str
        About how long it takes at quick scale.
    extras : tuple of str
        Extras of nonideal that it needs.
    """

    name: str
    question: str
    quick_time: str
    extras: tuple[str, ...]


def name_of(module: str) -> str:
    """Return the experiment's name for a module: ``nonideal.experiments.cram_digits`` is ``cram-digits``."""
    return module.rpartition(".")[2].replace("_", "-")


def names() -> list[str]:
    """Return the names of all experiments, sorted."""
    return sorted(name for name in _modules() if _source(name) is not None)


def describe(name: str) -> Description:
    """Return what an experiment says about itself, without importing it.

    Raises
    ------
    InvalidArgument
        If there is no such experiment; the text offers close names.
    """
    constants = _source(name) if name in _modules() else None
    if constants is None:
        raise InvalidArgument(f"there is no experiment {name!r}; {closest(name, names())}")
    return Description(
        name=name,
        question=str(constants["QUESTION"]),
        quick_time=str(constants.get("QUICK_TIME", "")),
        extras=tuple(constants.get("EXTRAS", ())),
    )


def load(name: str) -> Experiment:
    """Import an experiment.

    Raises
    ------
    InvalidArgument
        If there is no such experiment.
    MissingExtra
        If it needs a library that is not installed.
    """
    about = describe(name)
    try:
        return cast(Experiment, importlib.import_module(_modules()[name]))
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        if not about.extras or (error.name or "").startswith("nonideal"):
            raise
        raise MissingExtra(str(error.name), ",".join(about.extras)) from None


def closest(word: str, words: list[str]) -> str:
    """Return the end of an error message: the words that were perhaps meant, or all of them."""
    near = difflib.get_close_matches(word, words)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(words)}" if words else "there are none"


@cache
def _modules() -> dict[str, str]:
    import nonideal.experiments

    package = nonideal.experiments
    own = {
        name_of(entry.name): f"{package.__name__}.{entry.name}"
        for entry in pkgutil.iter_modules(package.__path__)
    }
    others = {entry.name: entry.value for entry in metadata.entry_points(group=_ENTRY_POINTS)}
    return {**others, **own}


@cache
def _source(name: str) -> dict[str, Any] | None:
    """Return the module's literal constants; None if it asks no QUESTION, as the modules of the harness."""
    spec = importlib.util.find_spec(_modules()[name])
    if spec is None or spec.origin is None:
        return None
    constants = {}
    for statement in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("QUESTION", "QUICK_TIME", "EXTRAS"):
                constants[target.id] = ast.literal_eval(value)
    return constants if "QUESTION" in constants else None
