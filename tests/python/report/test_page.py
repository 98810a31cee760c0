"""The page stands alone and is safe; figures are the same every time and follow the page's colours."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from nonideal.report import Comparison, Curve, Result, words
from nonideal.report.figures import (
    COLORS,
    INK,
    MUTED,
    PAPER,
    RULE,
    draw_band,
    draw_curve,
    house_style,
    inline_svg,
    new_figure,
    to_png,
    to_svg,
)
from nonideal.report.html import Drawing, render
from nonideal.report.terminal import print_result
from toys import toy_pi

CURVE = Curve((1.0, 2.0, 3.0), "x (m)", (1.0, 4.0, 9.0), "y (s)", (0.1, 0.2, 0.3), 5)


@pytest.fixture(scope="module")
def result() -> Result:
    return toy_pi.run(toy_pi.Config(seed=1))


def page_of(result: Result) -> str:
    with house_style():
        figures = toy_pi.figures(result)
        image, axes = new_figure("An image.")
        axes.imshow(np.eye(3))
    drawings = [
        Drawing(name, inline_svg(to_svg(figure, name=name)), str(figure.get_label()))
        for name, figure in {**figures, "image": image}.items()
    ]
    return render(result, question=toy_pi.QUESTION, drawings=drawings)


def test_the_page_refers_to_nothing_outside_itself(result: Result) -> None:
    page = page_of(result)
    assert "http" not in page
    targets = re.findall(r'\b(?:src|href|action|data|poster)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import', page)
    assert targets
    assert all((one or two).strip("'\"").startswith(("#", "data:")) for one, two in targets)
    assert "<script" not in page
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    assert {one[1:] for one, _ in targets if one.startswith("#")} <= set(names)


def test_the_page_says_everything(result: Result) -> None:
    page = page_of(result)
    for text in (
        toy_pi.QUESTION,
        result.answer,
        "The error bar shrinks with the root of the number of points.",
        "3.14159 (Archimedes: 223/71 &lt; π &lt; 22/7)",
        "statistical error only",
        "&amp; there are &lt;finitely&gt; many.",
        words.interval_text(result.metrics["pi"]),
        "nonideal run toy-pi --seed 1",
        result.versions["numpy"],
        result.machine["cores"],
        "prefers-color-scheme: dark",
        "@media print",
    ):
        assert text in page


def test_an_empty_result_makes_a_page() -> None:
    page = render(Result("some_thing", {}, None, "No."))
    assert "<h1>some thing</h1>" in page
    assert "<table" not in page


def test_text_cannot_break_out_of_the_page() -> None:
    evil = "</p><script>alert(1)</script>"
    page = render(
        Result(evil, {evil: evil}, 1, evil, comparison=(Comparison(evil, evil, evil, evil),)), question=evil
    )
    assert "<script" not in page


def test_figures_are_the_same_every_time(result: Result) -> None:
    def draw() -> tuple[str, bytes]:
        with house_style():
            figure = toy_pi.figures(result)["pi"]
        return to_svg(figure, name="pi"), to_png(figure)

    assert draw() == draw()


def test_svg_for_a_file_is_xml_on_white_and_inline_follows_the_page() -> None:
    with house_style():
        figure, axes = new_figure("A curve.")
        draw_curve(axes, CURVE, label="curve")
        axes.text(2, 2, "note", color="black")
        axes.axvline(2, color="black")
    text = to_svg(figure, name="curve")
    ET.fromstring(text)
    assert f"fill: {PAPER}" in text
    inline = inline_svg(text)
    assert not any(color in inline for color in (INK, MUTED, RULE, PAPER, "#000000", "xmlns", "http"))
    assert all(ink in inline for ink in ("currentColor", "var(--muted)", "var(--rule)", COLORS[0]))
    head = inline[: inline.index(">")]
    assert "viewBox" in head
    assert "width" not in head
    assert to_png(figure).startswith(b"\x89PNG")


def test_bars_and_bands_have_the_asked_confidence() -> None:
    figure, axes = new_figure("")
    bars = draw_curve(axes, CURVE, confidence=0.95)
    (segments,) = (collection.get_segments() for collection in bars[2])
    half = [(segment[1][1] - segment[0][1]) / 2 for segment in segments]
    quantile = stats.t.ppf(0.975, CURVE.samples - 1)
    np.testing.assert_allclose(half, quantile * np.array(CURVE.standard_error), rtol=1e-9)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (m)", "y (s)")
    draw_band(axes, CURVE)
    (band,) = [
        item
        for item in axes.collections
        if type(item).__name__ in ("PolyCollection", "FillBetweenPolyCollection")
    ]
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(9 + quantile * 0.3)
    exact = draw_curve(axes, Curve((1.0,), "", (1.0,), ""))
    assert exact[2] == ()
    assert figure.get_label() == ""


def test_the_house_style_leaves_the_global_settings_alone(result: Result) -> None:
    import sys

    before = dict(mpl.rcParams)
    page_of(result)
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or "pyplot" not in toy_pi.__dict__


def luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("page", ["#ffffff", "#14171c"])
def test_every_colour_is_legible_on_light_and_dark(color: str, page: str) -> None:
    """WCAG 2.1 asks 3:1 for graphics."""
    light, dark = sorted((luminance(color), luminance(page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3
    assert page in render(Result("", {}, 1, ""))


def test_the_terminal_says_the_same(result: Result) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_result(result, console, question=toy_pi.QUESTION)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in (
        toy_pi.QUESTION,
        result.answer,
        "Archimedes",
        "statistical error only",
        "<finitely> many",
        "seed 1",
    ):
        assert part in text


def test_wide_figures_take_the_whole_width():
    from nonideal.report.html import Drawing, render

    drawings = [
        Drawing("narrow", "<svg></svg>", "Narrow."),
        Drawing("wide", "<svg></svg>", "Wide.", wide=True),
    ]
    page = render(Result("toy", {}, 1, "It is 3."), drawings=drawings)
    assert page.count('<figure class="wide"') == 1
    assert page.index('<figure class="wide"') > page.index("Narrow.")
