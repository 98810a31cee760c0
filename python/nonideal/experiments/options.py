"""Options of an experiment: one frozen dataclass that Python, the command line and ``result.json`` share.

An experiment declares what can be changed about it by subclassing `BaseConfig`; each field says its help,
unit and allowed range once, by `option`:

>>> from dataclasses import dataclass
>>> from nonideal.experiments import BaseConfig, Grid, option
>>> @dataclass(frozen=True, kw_only=True)
... class Config(BaseConfig):
...     tmr: Grid = option("1.0:5.0", help="tunnel magnetoresistance ratios to scan", unit="1", above=0)
...     bits: int = option(4, help="bits of an input", unit="bit", minimum=1, maximum=8)
...     accumulate: tuple[str, ...] = option("tree,chain", help="kinds of sums", choices=("tree", "chain"))
>>> config = Config(bits=2)
>>> config.tmr.values[:3], len(config.tmr), config.accumulate
((1.0, 1.5, 2.0), 9, ('tree', 'chain'))
>>> Config(bits=9)
Traceback (most recent call last):
    ...
nonideal.errors.InvalidArgument: bits = 9 is outside [1, 8]

Field types: ``int``, ``float``, ``bool``, ``str``, each also with ``| None``; ``tuple`` of the first four
(written comma-separated); and `Grid`. Values are converted and checked whenever a config is made: from
Python, from the command line and from a file the same texts mean the same.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
import shlex
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from nonideal.errors import InvalidArgument

__all__ = ["BaseConfig", "ByScale", "Grid", "Option", "command_line", "option", "options_of", "redeclared"]

GRID_POINTS = {"quick": 9, "full": 33}


@dataclass(frozen=True)
class Grid:
    """Values that an experiment scans.

    Written ``low:high`` (9 points at quick scale, 33 at full scale; evenly spaced, or evenly spaced in the
    logarithm where the field says ``spacing="log"``) or as numbers separated by commas. A `BaseConfig` makes
    it from such a text, a number or a sequence of numbers; iterate over it, or use ``values``.

    Parameters
    ----------
    text : str
        As it was written.
    values : tuple of float
        The points, in the unit of the field.
    """

    text: str
    values: tuple[float, ...]

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class ByScale:
    """A default that is another one at full scale; a config holds the one of its scale.

    Examples
    --------
    >>> from nonideal.experiments import BaseConfig, option
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Config(BaseConfig):
    ...     n_frames: int = option(ByScale(48, 200), help="frames to learn from", minimum=4)
    >>> Config().n_frames, Config(scale="full").n_frames, Config(scale="full", n_frames=9).n_frames
    (48, 200, 9)
    """

    quick: Any
    full: Any

    def __str__(self) -> str:
        return f"{self.quick} at quick scale, {self.full} at full scale"


@dataclass(frozen=True)
class Option:
    """What `option` stores about a field: the source of its command-line option, help and checks."""

    name: str
    annotation: Any
    default: Any
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    spacing: str = "linear"

    @property
    def metavar(self) -> str:
        """How a value is written on the command line."""
        base = _without_none(self.annotation)
        if base is Grid:
            return "LOW:HIGH|A,B,..."
        if typing.get_origin(base) is tuple:
            if self.choices:
                return f"{'|'.join(self.choices)}[,...]"
            return "A,B,..."
        if self.choices:
            return "|".join(self.choices)
        return {int: "INTEGER", float: "NUMBER", bool: ""}.get(base, "TEXT")

    @property
    def allowed(self) -> str:
        """The allowed range in words, empty where every value is allowed."""
        low = self.minimum if self.minimum is not None else self.above
        high = self.maximum if self.maximum is not None else self.below
        if low is not None and high is not None:
            left = "[" if self.minimum is not None else "("
            right = "]" if self.maximum is not None else ")"
            return f"in {left}{_number(low)}, {_number(high)}{right}"
        if low is not None:
            return f"{'>=' if self.minimum is not None else '>'} {_number(low)}"
        if high is not None:
            return f"{'<=' if self.maximum is not None else '<'} {_number(high)}"
        return ""

    def check(self, value: float) -> None:
        """Raise InvalidArgument where a number is not finite or outside the allowed range."""
        inside = (
            math.isfinite(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )
        if inside:
            return
        allowed = self.allowed
        if not allowed:
            raise InvalidArgument(f"{self.name} = {value!r} is not finite")
        verb = f"is outside {allowed[3:]}" if allowed.startswith("in ") else f"is not {allowed}"
        raise InvalidArgument(f"{self.name} = {value!r} {verb}")

    def convert(self, value: Any, scale: str) -> Any:
        """Return a value (perhaps a text from the command line) in the type of the field, checked."""
        if isinstance(value, ByScale):
            value = getattr(value, scale)
        base = _without_none(self.annotation)
        if value is None or (
            isinstance(value, str) and value.lower() == "none" and base is not self.annotation
        ):
            if base is self.annotation:
                raise InvalidArgument(f"{self.name} = None: a value is needed")
            return None
        if base is Grid:
            return self._grid(value, scale)
        if typing.get_origin(base) is tuple:
            item = typing.get_args(base)[0]
            parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
            if not isinstance(parts, (list, tuple)):
                parts = [parts]
            if len(parts) == 0 or any(isinstance(part, str) and not part for part in parts):
                raise InvalidArgument(f"{self.name} = {value!r} has an empty part")
            return tuple(self._scalar(part, item) for part in parts)
        return self._scalar(value, base)

    def _scalar(self, value: Any, kind: type) -> Any:
        if kind is bool:
            return self._boolean(value)
        if kind is str:
            if not isinstance(value, str):
                raise InvalidArgument(f"{self.name} = {value!r} is not a text")
            if self.choices and value not in self.choices:
                words = ", ".join(repr(choice) for choice in self.choices)
                raise InvalidArgument(f"{self.name} = {value!r} is not one of {words}")
            return value
        number = self._integer(value) if kind is int else self._float(value)
        self.check(number)
        return number

    def _boolean(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise InvalidArgument(f"{self.name} = {value!r} is neither True nor False")

    def _integer(self, value: Any) -> int:
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, str):
            try:
                return int(value)
            except ValueError:
                pass
        raise InvalidArgument(f"{self.name} = {value!r} is not a whole number")

    def _float(self, value: Any) -> float:
        if isinstance(value, (str, int, float, np.integer, np.floating)) and not isinstance(value, bool):
            try:
                return float(value)
            except ValueError:
                pass
        raise InvalidArgument(f"{self.name} = {value!r} is not a number")

    def _grid(self, value: Any, scale: str) -> Grid:
        if isinstance(value, Grid):
            value = value.text
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            value = (value,)
        if not isinstance(value, str):
            try:
                value = ",".join(_number(float(item)) for item in value)
            except (TypeError, ValueError):
                raise InvalidArgument(f"{self.name} = {value!r} is not a sequence of numbers") from None
        text = value.replace(" ", "")
        ends = text.split(":")
        try:
            numbers = [float(part) for part in (ends if len(ends) > 1 else text.split(","))]
        except ValueError:
            numbers = []
        if not numbers or len(ends) > 2:
            raise InvalidArgument(
                f"{self.name} = {value!r} is neither low:high nor numbers separated by commas"
            )
        for number in numbers:
            self.check(number)
        if len(ends) == 1:
            return Grid(text, tuple(numbers))
        low, high = numbers
        if not low < high:
            raise InvalidArgument(f"{self.name} = {value!r}: {_number(low)} is not below {_number(high)}")
        if self.spacing == "linear":
            points = np.linspace(low, high, GRID_POINTS[scale])
        elif low > 0:
            points = np.geomspace(low, high, GRID_POINTS[scale])
        else:
            raise InvalidArgument(f"{self.name} = {value!r}: a logarithmic range needs ends > 0")
        return Grid(text, tuple(float(point) for point in points))


def option(
    default: Any,
    *,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    spacing: str = "linear",
) -> Any:
    """Declare a field of a `BaseConfig`: its default and what its users need to know.

    Parameters
    ----------
    default : object
        Default value, written as a user would write it: ``"1.0:5.0"`` for a `Grid`, ``"tree,chain"`` for a
        tuple; `ByScale` where it depends on the scale.
    help : str
        One sentence for ``--help``.
    unit : str
        Unit of the value; "1" for a pure number, empty where a unit makes no sense.
    minimum, maximum : float, optional
        Allowed range, the ends included. Holds for every element of a grid or tuple.
    above, below : float, optional
        Allowed range, the ends excluded.
    choices : tuple of str
        Allowed texts.
    spacing : {"linear", "log"}
        How a grid's ``low:high`` is divided.
    """
    if spacing not in ("linear", "log"):
        raise InvalidArgument(f"spacing = {spacing!r} is not one of 'linear', 'log'")
    about = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "below": below,
    }
    return dataclasses.field(default=default, metadata={**about, "choices": choices, "spacing": spacing})


def redeclared(base: type[BaseConfig], name: str, default: Any, **about: Any) -> Any:
    """Declare a field of ``base`` again: with another default, and what else is said otherwise.

    Examples
    --------
    >>> from nonideal.experiments import BaseConfig
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Config(BaseConfig):
    ...     scale: str = redeclared(BaseConfig, "scale", "full")
    >>> Config().scale
    'full'
    """
    (known,) = [field.metadata for field in dataclasses.fields(base) if field.name == name]
    return option(default, **{**known, **about})


@dataclass(frozen=True, kw_only=True)
class BaseConfig:
    """What every experiment's ``Config`` has; subclass it as ``@dataclass(frozen=True, kw_only=True)``.

    Parameters
    ----------
    scale : {"quick", "full"}
        Quick answers on a laptop, full gives the figures of a paper.
    seed : int or None
        Seed of every random number; None draws one (`with_seed`), and the result reports it.

    Raises
    ------
    InvalidArgument
        If a field is outside its range; the text names field, value and range.
    """

    scale: str = option(
        "quick", help="quick answers soon, full has more points and samples", choices=("quick", "full")
    )
    seed: int | None = option(
        None,
        help="seed of every random number; drawn and reported if not given",
        minimum=0,
        maximum=2**64 - 1,
    )

    def __post_init__(self) -> None:
        declared = options_of(type(self))
        scale = declared["scale"].convert(self.scale, "")
        for name, about in declared.items():
            object.__setattr__(self, name, about.convert(getattr(self, name), scale))

    def with_seed(self) -> Self:
        """Return this config, with a seed drawn from the operating system where it has none.

        A drawn seed has 53 bits, so that it survives every JSON reader.
        """
        if self.seed is not None:
            return self
        return dataclasses.replace(self, seed=secrets.randbits(53))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: grids as they were written, tuples as lists."""
        values = {name: getattr(self, name) for name in options_of(type(self))}
        return {name: _plain(value) for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return a config from `as_dict`'s form or from texts; unknown names raise InvalidArgument."""
        unknown = [name for name in values if name not in options_of(cls)]
        if unknown:
            raise InvalidArgument(f"{unknown[0]} is not an option; there are {', '.join(options_of(cls))}")
        return cls(**values)


def options_of(config_type: type[BaseConfig]) -> dict[str, Option]:
    """Return the declared options of a config type by name, the experiment's own ones first."""
    hints = typing.get_type_hints(config_type)
    found = {}
    for field in dataclasses.fields(config_type):
        if "help" not in field.metadata:
            raise InvalidArgument(f"{config_type.__name__}.{field.name} is not declared by option(...)")
        found[field.name] = Option(field.name, hints[field.name], field.default, **field.metadata)
    common = ("scale", "seed")
    return {name: found[name] for name in (*(name for name in found if name not in common), *common)}


def command_line(name: str, config: BaseConfig) -> str:
    """Return the command that runs an experiment with this config; options at their default are left out.

    Examples
    --------
    >>> from nonideal.experiments import BaseConfig
    >>> command_line("cram-digits", BaseConfig(seed=7))
    'nonideal run cram-digits --seed 7'
    """
    words = ["nonideal", "run", name]
    default = type(config)(scale=config.scale).as_dict()
    default["scale"] = type(config)().scale
    for field, value in config.as_dict().items():
        if value == default[field]:
            continue
        flag = "--" + field.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            text = ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
            # A value such as -1:1 would be read as an option if it stood by itself.
            words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]
    return shlex.join(words)


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same number."""
    short = f"{value:g}"
    return short if float(short) == value else str(value)


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not types.NoneType]
        return kinds[0]
    return annotation


def _plain(value: Any) -> Any:
    if isinstance(value, Grid):
        return value.text
    return list(value) if isinstance(value, tuple) else value
