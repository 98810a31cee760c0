"""Options: the same texts mean the same from Python and the command line; refusals by their exact text."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonideal.errors import InvalidArgument
from nonideal.experiments import BaseConfig, ByScale, Grid, option, redeclared
from nonideal.experiments.options import command_line, options_of


@dataclass(frozen=True, kw_only=True)
class Config(BaseConfig):
    tmr: Grid = option("1.0:5.0", help="ratios", unit="1", above=0)
    eps: Grid = option("1e-6:1e-2", help="rates", minimum=0, maximum=1, spacing="log")
    bits: int = option(4, help="bits", unit="bit", minimum=1, maximum=8)
    power: float = option(1.5, help="power", below=2)
    limit: float | None = option(None, help="limit")
    device: str = option("lv2024_fit", help="device", choices=("lv2024_fit", "today_45nm"))
    accumulate: tuple[str, ...] = option("tree,chain", help="sums", choices=("tree", "chain"))
    sizes: tuple[int, ...] = option((2, 4), help="sizes", minimum=1)
    check: bool = option(True, help="check")


def test_ranges_have_9_points_or_33() -> None:
    config = Config()
    assert config.tmr.values == tuple(np.linspace(1, 5, 9))
    np.testing.assert_allclose(config.eps.values, np.geomspace(1e-6, 1e-2, 9), rtol=1e-15)
    assert config.eps.values[0] == 1e-6
    assert config.eps.values[-1] == 1e-2
    assert len(dataclasses.replace(config, scale="full").tmr) == 33
    assert str(dataclasses.replace(config, scale="full").tmr) == "1.0:5.0"


@pytest.mark.parametrize(
    ("given_", "values"),
    [
        ("0.5", (0.5,)),
        ("1,2,3.5", (1, 2, 3.5)),
        (2, (2,)),
        ([1, 2.25], (1, 2.25)),
        (np.array([1e-3, 1 / 3]), (1e-3, 1 / 3)),
    ],
)
def test_grids_from_lists_and_numbers(given_: Any, values: tuple[float, ...]) -> None:
    assert Config(tmr=given_).tmr.values == values


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=5))
def test_a_grid_of_numbers_keeps_their_bits(numbers: list[float]) -> None:
    config = Config(tmr=numbers)  # type: ignore[arg-type]
    assert config.tmr.values == tuple(numbers)
    assert Config(tmr=config.tmr.text) == config  # type: ignore[arg-type]


def test_text_and_values_mean_the_same() -> None:
    texts = Config(
        bits="8", power="-1e3", limit="3", accumulate="chain", sizes="1, 2,3", check="false", seed="5"
    )  # type: ignore[arg-type]
    assert texts == Config(
        bits=8, power=-1000, limit=3, accumulate=("chain",), sizes=[1, 2, 3], check=False, seed=5
    )  # type: ignore[arg-type]
    assert Config(limit="none").limit is None  # type: ignore[arg-type]
    assert isinstance(Config(power=1).power, float)
    assert isinstance(Config(bits=np.int64(3)).bits, int)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tmr": -1.0}, "tmr = -1.0 is not > 0"),
        ({"tmr": "1:-1"}, "tmr = -1.0 is not > 0"),
        ({"tmr": "5:1"}, "tmr = '5:1': 5 is not below 1"),
        ({"tmr": "2:2"}, "tmr = '2:2': 2 is not below 2"),
        ({"tmr": "a:b"}, "tmr = 'a:b' is neither low:high nor numbers separated by commas"),
        ({"tmr": "1:2:3"}, "tmr = '1:2:3' is neither low:high nor numbers separated by commas"),
        ({"tmr": "1,,2"}, "tmr = '1,,2' is neither low:high nor numbers separated by commas"),
        ({"tmr": ""}, "tmr = '' is neither low:high nor numbers separated by commas"),
        ({"tmr": "1:inf"}, "tmr = inf is not > 0"),
        ({"tmr": math.nan}, "tmr = nan is not > 0"),
        ({"tmr": ["x"]}, "tmr = ['x'] is not a sequence of numbers"),
        ({"tmr": None}, "tmr = None: a value is needed"),
        ({"eps": "0,2"}, "eps = 2.0 is outside [0, 1]"),
        ({"eps": "0:1e-3"}, "eps = '0:1e-3': a logarithmic range needs ends > 0"),
        ({"bits": 9}, "bits = 9 is outside [1, 8]"),
        ({"bits": 2.0}, "bits = 2.0 is not a whole number"),
        ({"bits": True}, "bits = True is not a whole number"),
        ({"bits": "four"}, "bits = 'four' is not a whole number"),
        ({"power": 2}, "power = 2.0 is not < 2"),
        ({"power": "much"}, "power = 'much' is not a number"),
        ({"limit": math.inf}, "limit = inf is not finite"),
        ({"device": "x"}, "device = 'x' is not one of 'lv2024_fit', 'today_45nm'"),
        ({"device": 3}, "device = 3 is not a text"),
        ({"accumulate": "tree,bush"}, "accumulate = 'bush' is not one of 'tree', 'chain'"),
        ({"accumulate": ""}, "accumulate = '' has an empty part"),
        ({"sizes": ()}, "sizes = () has an empty part"),
        ({"sizes": [1, 0]}, "sizes = 0 is not >= 1"),
        ({"check": "maybe"}, "check = 'maybe' is neither True nor False"),
        ({"scale": "huge"}, "scale = 'huge' is not one of 'quick', 'full'"),
        ({"seed": -1}, "seed = -1 is outside [0, 18446744073709551615]"),
        ({"seed": 2**64}, "seed = 18446744073709551616 is outside [0, 18446744073709551615]"),
    ],
)
def test_refusals(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Config(**values)
    assert str(caught.value) == message


def test_unknown_options_are_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Config.from_dict({"bit": 3})
    assert str(caught.value).startswith("bit is not an option; there are tmr, eps, bits,")


def test_every_field_must_be_declared() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Careless(BaseConfig):
        x: int = 3

    with pytest.raises(InvalidArgument) as caught:
        Careless()
    assert str(caught.value) == "Careless.x is not declared by option(...)"
    with pytest.raises(InvalidArgument, match="spacing = 'cubic' is not one of 'linear', 'log'"):
        option(1, help="", spacing="cubic")


def test_json_form_makes_the_same_config() -> None:
    config = Config(bits=2, tmr="2:3", seed=3, check=False)  # type: ignore[arg-type]
    assert Config.from_dict(config.as_dict()) == config
    assert config.as_dict()["tmr"] == "2:3"
    assert config.as_dict()["accumulate"] == ["tree", "chain"]


def test_a_seed_is_drawn_once_and_not_twice() -> None:
    config = Config().with_seed()
    assert config.seed is not None
    assert 0 <= config.seed < 2**53
    assert config.with_seed() is config
    assert Config().with_seed().seed != config.seed


def test_the_command_line_names_what_differs_from_the_default() -> None:
    config = Config(tmr="1.5:2", accumulate=("chain",), check=False, power=-1.0, seed=7)  # type: ignore[arg-type]
    assert command_line("cram-digits", config) == (
        "nonideal run cram-digits --tmr 1.5:2 --power=-1.0 --accumulate chain --no-check --seed 7"
    )


def test_options_say_their_range() -> None:
    options = options_of(Config)
    assert list(options)[-2:] == ["scale", "seed"]
    assert [options[name].allowed for name in ("tmr", "eps", "bits", "power", "limit")] == [
        "> 0",
        "in [0, 1]",
        "in [1, 8]",
        "< 2",
        "",
    ]
    assert options["accumulate"].metavar == "tree|chain[,...]"


def test_defaults_by_scale():
    @dataclass(frozen=True, kw_only=True)
    class Longer(BaseConfig):
        steps: int = option(ByScale(10, 100), help="steps", minimum=1, maximum=500)

    @dataclass(frozen=True, kw_only=True)
    class Longest(Longer):
        steps: int = redeclared(Longer, "steps", ByScale(20, 200), help="many steps")

    assert (Longer().steps, Longer(scale="full").steps) == (10, 100)
    assert Longer(scale="full").as_dict()["steps"] == 100
    assert command_line("x", Longer(scale="full")) == "nonideal run x --scale full"
    assert command_line("x", Longer(scale="full", steps=10)) == "nonideal run x --steps 10 --scale full"
    about = options_of(Longest)["steps"]
    assert (about.help, about.allowed, str(about.default)) == (
        "many steps",
        "in [1, 500]",
        "20 at quick scale, 200 at full scale",
    )
    with pytest.raises(InvalidArgument, match=r"^steps = 501 is outside \[1, 500\]$"):
        Longest(steps=501)
