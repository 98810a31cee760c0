"""The README's Python example runs and prints what its comments say; its test command is what CI runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_prints_what_its_comments_say(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them writes a file
    comments = [line.split("#", 1)[1] for line in code.splitlines() if line.lstrip().startswith("print(")]
    promised = [text.strip() for comment in comments for text in comment.split(", then ")]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert promised
    assert printed.getvalue().splitlines() == promised


def test_ci_runs_the_test_command_literally():
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (command,) = [block.strip() for block in blocks if "ctest" in block]
    assert "\n" not in command
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
