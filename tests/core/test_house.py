"""What holds for the whole code: what is loaded when, and how large a file may be."""

from __future__ import annotations

import json
import tomllib

import pytest

from writers import ROOT, python

LOADED = "import sys, json; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    process = python(f"{code}\n{LOADED}")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return set(json.loads(out.splitlines()[-1]))


@pytest.mark.parametrize(
    "code", ["import exptui.follow", "import exptui.store", "import exptui.index", "import exptui.watch"]
)
def test_reading_runs_loads_neither_a_screen_nor_numerics(code: str) -> None:
    assert loaded(code).isdisjoint({"textual", "rich", "scipy", "numpy", "exptui_tui"})


def test_help_is_told_without_loading_the_screen() -> None:
    code = "from exptui_tui.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert loaded(code).isdisjoint({"textual", "scipy", "numpy"})


def test_no_source_file_is_long() -> None:
    files = [path for folder in ("core", "tui") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 50
    long = {str(path.relative_to(ROOT)) for path in files if len(path.read_text().splitlines()) >= 300}
    assert long == set()


@pytest.mark.parametrize("name", ["textual", "tinydb", "watchdog"])
def test_what_may_change_under_us_has_an_upper_bound(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [bound] = [one for one in project["dependencies"] if one.startswith(name)]
    assert "<" in bound
