"""The command ``nonideal``: list, run, show, bench.

Every experiment's options are made from its ``Config``. Only the experiment that the command line names is
imported; all others are described from their source text, so that ``nonideal list`` and ``--help`` answer at
once.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

import nonideal
from nonideal import _core
from nonideal.errors import InvalidArgument, MissingExtra, NumericalError
from nonideal.experiments import registry
from nonideal.experiments.options import Option, options_of
from nonideal.parallel import WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nonideal.benchmarks.harness import Measurement

__all__ = ["main"]

WHERE = "Where it runs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code.

    0: done. 1: a benchmark missed a goal, a computation failed, or a worker died. 2: a bad option, folder or
    address, said in one line on stderr. 130: interrupted. With ``NONIDEAL_TRACEBACK=1`` in the environment
    errors keep their traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with _one_line_warnings():
        try:
            code = _application(words)(words, prog_name="nonideal", standalone_mode=False)
        except typer.TyperException as error:
            # Empty where typer has printed the help instead.
            return _complain(error.format_message(), 2)
        except typer.Abort:
            return 130
        except (InvalidArgument, MissingExtra, NumericalError, WorkerError, OSError) as error:
            if os.environ.get("NONIDEAL_TRACEBACK"):
                raise
            return _complain(str(error), 1 if isinstance(error, (NumericalError, WorkerError)) else 2)
    return int(code or 0)


def _application(words: Sequence[str]) -> typer.Typer:
    """Return the application for one command line: only the experiment in it gets its options."""
    application = typer.Typer(
        name="nonideal",
        help="Computing and learning on simulated non-ideal hardware, and how far to trust the answer.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    application.callback()(_common)
    application.command("list")(_list)
    run = typer.Typer(help="Run an experiment and write its report.", no_args_is_help=True)
    named = words[1] if len(words) > 1 and words[0] == "run" else ""
    if named and not named.startswith("-"):
        registry.describe(named)  # an unknown name ends here, with close ones
    for name in registry.names():
        question = escape(registry.describe(name).question)
        run.command(name, help=question)(_experiment_command(name) if name == named else _undescribed)
    application.add_typer(run, name="run")
    application.command("show")(_show)
    application.command("bench")(_bench)
    return application


def _undescribed() -> None:
    """Stand in for the experiments that the command line does not name."""


def _print_version(asked: bool) -> None:
    if asked:
        print(nonideal.__version__)
        raise typer.Exit


def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=" ",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options before the command's name."""


def _list() -> None:
    """List the experiments: name, question, time at quick scale, extras that they need."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for head in ("experiment", "question", "quick scale", "needs"):
        table.add_column(head, no_wrap=head != "question")
    for name in registry.names():
        about = registry.describe(name)
        table.add_row(
            *(Text(cell) for cell in (name, about.question, about.quick_time, ", ".join(about.extras)))
        )
    Console().print(table)


def _experiment_command(name: str) -> Callable[..., None]:
    """Return a function whose signature, for typer, is the experiment's options and those of `_run`."""
    declared = options_of(registry.load(name).Config)
    signature = inspect.signature(_run, eval_str=True)
    own = [
        parameter for parameter in signature.parameters.values() if parameter.kind is parameter.KEYWORD_ONLY
    ]
    clash = sorted(set(declared) & {parameter.name for parameter in own})
    if clash:
        raise InvalidArgument(f"{name}: the option {clash[0]!r} is the command's own; call it otherwise")

    def command(**given: Any) -> None:
        options = {key: value for key, value in given.items() if key in declared and value is not None}
        _run(name, options, **{key: value for key, value in given.items() if key not in declared})

    parameters = [*(_parameter(about) for about in declared.values()), *own]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(about: Option) -> inspect.Parameter:
    """Return an option that is passed on as text: `Option.convert` converts and checks it, as in Python."""
    default = about.default
    if isinstance(default, (tuple, list)):
        default = ",".join(str(item) for item in default)
    facts = [f"default {default}"] if default is not None else []
    facts += [about.allowed] if about.allowed else []
    facts += [f"unit {about.unit}"] if about.unit not in ("", "1") else []
    text = escape(about.help + (f" ({'; '.join(facts)})" if facts else ""))
    flag = "--" + about.name.replace("_", "-")
    kind: Any
    if about.metavar:
        kind = Annotated[str | None, typer.Option(flag, help=text, metavar=about.metavar, show_default=False)]
    else:
        switch = f"{flag}/--no-{flag[2:]}"
        kind = Annotated[bool | None, typer.Option(switch, help=text, metavar=" ", show_default=False)]
    return inspect.Parameter(about.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _run(
    name: str,
    options: dict[str, Any],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results (default results/NAME).", metavar="FOLDER", rich_help_panel=WHERE
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(help="Run shards in so many local processes.", metavar="INTEGER", rich_help_panel=WHERE),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Run shards on the Dask cluster at this address.",
            metavar="tcp://HOST:PORT",
            rich_help_panel=WHERE,
        ),
    ] = None,
    num_threads: Annotated[
        str | None,
        typer.Option(
            help="Threads to use here, local processes together.", metavar="INTEGER", rich_help_panel=WHERE
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            metavar=" ",
            help="Start anew: draw another seed if none is given, compute all shards.",
            rich_help_panel=WHERE,
        ),
    ] = False,
) -> None:
    from nonideal.experiments.execution import execute
    from nonideal.report.terminal import print_summary

    config = registry.load(name).Config.from_dict(options)
    folder = out or Path("results") / name
    n_workers, n_threads = _count("workers", workers), _count("num_threads", num_threads)
    try:
        result = execute(
            name,
            config,
            out=folder,
            workers=n_workers,
            cluster=cluster,
            num_threads=n_threads,
            progress=True,
            fresh=fresh,
        )
    except KeyboardInterrupt as stop:
        raise typer.Exit(_complain(str(stop) or "interrupted", 130)) from None
    console = Console()
    print_summary(result, console, question=registry.describe(name).question)
    console.print(Text(f"report: {folder / 'report.html'}"), soft_wrap=True)


def _show(
    folder: Annotated[Path, typer.Argument(help="A folder that nonideal run wrote.", metavar="FOLDER")],
    remake: Annotated[
        bool, typer.Option("--remake", metavar=" ", help="Draw the figures and write the report again.")
    ] = False,
) -> None:
    """Show a result in the terminal: answer, metrics, tables, comparison with published figures, limits."""
    from nonideal.report.result import load_result
    from nonideal.report.terminal import print_result

    result = load_result(folder)
    question = registry.describe(result.experiment).question if result.experiment in registry.names() else ""
    console = Console()
    print_result(result, console, question=question)
    if remake:
        from nonideal.experiments.execution import write_report

        page = write_report(result, folder if folder.is_dir() else folder.parent)
        console.print(Text(f"report: {page}"), soft_wrap=True)


def _bench(
    name: Annotated[
        str | None, typer.Argument(help="A topic or a benchmark (default: all).", metavar="[NAME]")
    ] = None,
    against: Annotated[str | None, typer.Option(help="Only this peer.", metavar="PEER")] = None,
    repeats: Annotated[str, typer.Option(help="Rounds; medians are printed.", metavar="INTEGER")] = "5",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", metavar="FILE")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", metavar=" ", help="Keep the ratios as this machine's baseline instead of comparing."
        ),
    ] = False,
) -> None:
    """Time our kernels against their peers in the same run; exit code 1 if a goal or kept ratio is missed."""
    try:
        from nonideal.benchmarks import harness
    except ModuleNotFoundError:
        raise InvalidArgument(
            "the benchmarks are not installed; `pip install .` in a checkout brings them"
        ) from None
    from nonideal.progress import progress_bar
    from nonideal.report.provenance import machine, versions

    rounds = _count("repeats", repeats) or 1
    chosen = harness.select(harness.all_benchmarks(), name)
    measured, refusal = [], None
    with progress_bar("benchmarks", len(chosen)) as advance:
        for benchmark in chosen:
            try:
                measured.append(harness.measure(benchmark, repeats=rounds, against=against))
            except InvalidArgument as error:  # this one has no such peer; another may have
                refusal = error
            advance()
    if refusal is not None and not measured:
        raise refusal
    _print_measurements(measured)
    if json_file is not None:
        json_file.write_text(
            json.dumps([item.as_dict() for item in measured], indent=1) + "\n", encoding="utf-8"
        )
    failures = [text for item in measured for text in item.missed]
    about, isa = machine()["processor"], _core.active_isa()
    if keep:
        made_by = {
            "command": " ".join(["nonideal bench", *([name] if name else []), f"--repeats {rounds}"]),
            "versions": versions(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        harness.keep(measured, processor=about, isa=isa, made_by=made_by)
    else:
        baseline = harness.baseline_of(harness.load_baselines(), about, isa)
        if baseline is None:
            print(f"no baseline of this machine ({about}, {isa}); --keep makes one", file=sys.stderr)
        failures += harness.regressions(measured, baseline or {})
    for text in failures:
        _complain(text, 1)
    raise typer.Exit(1 if failures else 0)


def _print_measurements(measured: Sequence[Measurement]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for head in ("benchmark", "our rate", "peer", "its rate", "ratio", "goal", ""):
        right = head in ("our rate", "its rate", "ratio", "goal")
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    for item in measured:
        ours = f"{item.rate:.3g} {item.unit}/{item.per}"
        if item.floor is not None or not item.comparisons:
            floor = "" if item.floor is None else f"{item.floor:.3g}/{item.per}"
            verdict = "" if item.floor is None else _verdict(item.rate >= item.floor)
            table.add_row(Text(item.key), Text(ours), "", "", "", floor, verdict)
        for row in item.comparisons:
            goal = "" if row.goal is None else f"{row.goal:g} x"
            cells = (item.key, ours, row.peer, f"{row.rate:.3g}/{item.per}", f"{row.ratio:.3g} x", goal)
            table.add_row(*(Text(cell) for cell in cells), "" if row.met is None else _verdict(row.met))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 140))  # a file has room for whole names
    console.print(table)
    for note in dict.fromkeys(f"{item.key}: {item.note}" for item in measured if item.note):
        console.print(Text(note, style="dim"))


def _verdict(met: bool) -> Text:
    return Text("met", style="green") if met else Text("missed", style="red")


def _count(name: str, text: str | None) -> int | None:
    return None if text is None else int(Option(name, int, None, "", minimum=1).convert(text, ""))


def _complain(message: str, code: int) -> int:
    if message:
        print(f"nonideal: {' '.join(message.split())}", file=sys.stderr)
    return code


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Print warnings as one line without the place in the source, which says nothing to a user."""
    before = warnings.showwarning

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"nonideal: warning: {message}", file=sys.stderr)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


if __name__ == "__main__":
    sys.exit(main())
