"""Running an experiment into a folder: its shards, ``result.json``, figures and the report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nonideal.errors import InvalidArgument
from nonideal.estimate import Estimate
from nonideal.experiments.options import BaseConfig, command_line
from nonideal.experiments.registry import describe, load, name_of, names
from nonideal.parallel import Interrupted, Runner
from nonideal.report.result import Comparison, Curve, Result, Table
from nonideal.shards import write_atomically

__all__ = ["execute", "make_result", "prepare", "write_report"]


def make_result(
    module: str,
    config: BaseConfig,
    *,
    answer: str,
    metrics: Mapping[str, Estimate],
    curves: Mapping[str, Curve] | None = None,
    comparison: Sequence[Comparison] = (),
    tables: Mapping[str, Table] | None = None,
    limits: Sequence[str] = (),
) -> Result:
    """Return the result of an experiment; name, options, seed, command, versions and machine are filled in.

    Parameters
    ----------
    module : str
        The experiment's ``__name__``.
    config : BaseConfig
        With the seed that was used (`BaseConfig.with_seed`).
    answer : str
        The answer in one sentence.
    metrics, curves, comparison, tables, limits
        As in `nonideal.report.Result`.
    """
    name = name_of(module)
    return Result(
        experiment=name,
        config=config.as_dict(),
        seed=config.seed,
        answer=answer,
        metrics=dict(metrics),
        curves=dict(curves or {}),
        comparison=tuple(comparison),
        tables=dict(tables or {}),
        limits=tuple(limits),
        command=command_line(name, config),
    )


def prepare(name: str, config: BaseConfig, out: Path, *, fresh: bool = False) -> BaseConfig:
    """Make the folder of a run ready, and return the config with its seed.

    A drawn seed is written to ``<out>/run.json`` before anything is computed. The same options in the same
    folder get the same seed again, so that a run that was killed goes on instead of starting anew.

    Parameters
    ----------
    name : str
        The experiment.
    config : BaseConfig
        Its options.
    out : Path
        The folder; made if it does not exist.
    fresh : bool
        Draw a new seed even if the folder has one.

    Raises
    ------
    InvalidArgument
        If the folder cannot be written, belongs to another experiment, or is damaged.
    """
    record = out / "run.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        before = _read_record(record, name, seed_is_given=config.seed is not None or fresh)
        options = {key: value for key, value in config.as_dict().items() if key != "seed"}
        if config.seed is None and not fresh and before.get("options") == options:
            config = replace(config, seed=before.get("seed"))
        config = config.with_seed()
        text = json.dumps({"experiment": name, "seed": config.seed, "options": options}, indent=1)
        write_atomically(record, f"{text}\n".encode())
    except OSError as error:
        raise InvalidArgument(f"out = {str(out)!r} cannot be written ({error.strerror})") from None
    return config


def execute(
    name: str,
    config: BaseConfig,
    *,
    out: str | Path,
    workers: int | None = None,
    cluster: str | None = None,
    num_threads: int | None = None,
    progress: bool = False,
    fresh: bool = False,
) -> Result:
    """Run an experiment and write its folder: ``result.json``, ``figures/`` and ``report.html``.

    A run that was killed goes on from its finished shards. So does one with other options, as far as it has
    the same shards: a shard carries everything that its result depends on, options and seed included.

    Parameters
    ----------
    name : str
        The experiment.
    config : BaseConfig
        Its options, an instance of its ``Config``.
    out : path
        The folder.
    workers, cluster, num_threads, progress
        As for `nonideal.parallel.Runner`.
    fresh : bool
        Start anew: draw a new seed where none is given, and compute finished shards again.

    Returns
    -------
    Result

    Raises
    ------
    InvalidArgument
        If there is no such experiment, the folder cannot be used or the cluster cannot be reached.
    Interrupted
        On Ctrl-C; the text holds the command that goes on.
    """
    experiment = load(name)
    out = Path(out)
    config = prepare(name, config, out, fresh=fresh)
    # Not the config: a shard carries what its result depends on, so another grid computes new points alone.
    identity = {"experiment": name}
    with Runner(
        out=out,
        identity=identity,
        workers=workers,
        cluster=cluster,
        num_threads=num_threads,
        fresh=fresh,
        progress=progress,
    ) as runner:
        try:
            result = experiment.run(config, runner)
        except KeyboardInterrupt:
            resume = f"{command_line(name, config)} --out {shlex.quote(str(out))}"
            raise Interrupted(runner.finished, runner.total, resume) from None
    write_atomically(out / "result.json", result.to_json().encode())
    write_report(result, out)
    return result


def write_report(result: Result, out: str | Path) -> Path:
    """Draw a result's figures and write them and ``report.html``; return the page's path.

    Parameters
    ----------
    result : Result
        Of an experiment that the registry knows; for others the page has no question and no figures.
    out : path
        An existing folder.
    """
    # matplotlib and jinja2 come in only when there is something to draw.
    from nonideal.report.figures import WIDE_FIGURE, house_style, inline_svg, to_png, to_svg
    from nonideal.report.html import Drawing, render

    out = Path(out)
    question, figures = "", {}
    if result.experiment in names():
        question = describe(result.experiment).question
        with house_style():
            figures = load(result.experiment).figures(result)
    (out / "figures").mkdir(exist_ok=True)
    drawings = []
    for name, figure in figures.items():
        svg = to_svg(figure, name=name)
        write_atomically(out / "figures" / f"{name}.svg", svg.encode())
        write_atomically(out / "figures" / f"{name}.png", to_png(figure))
        wide = figure.get_figwidth() > WIDE_FIGURE
        drawings.append(Drawing(name, inline_svg(svg), str(figure.get_label()), wide))
    page = out / "report.html"
    write_atomically(page, render(result, question=question, drawings=drawings).encode())
    return page


def _read_record(path: Path, name: str, *, seed_is_given: bool) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_bytes())
        experiment, _, _ = record["experiment"], record["options"], record["seed"] + 0
    except (ValueError, TypeError, KeyError):
        if seed_is_given:
            return {}
        raise InvalidArgument(
            f"{path} is damaged, and with it the drawn seed; give --seed or --fresh, or another --out "
            "(finished shards stay, and serve again if the seed is the same)"
        ) from None
    if experiment != name:
        raise InvalidArgument(f"{path.parent} holds a run of {experiment!r}; give another --out")
    return dict(record)
