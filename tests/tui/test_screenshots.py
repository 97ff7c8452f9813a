"""The README's pictures show what the app shows now."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MAKER = PROJECT / "screenshots" / "make.py"

spec = importlib.util.spec_from_file_location("make_screenshots", MAKER)
assert spec is not None
assert spec.loader is not None
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pictures")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "core"), str(PROJECT / "tui")])}
    subprocess.run([sys.executable, str(MAKER), str(out)], check=True, timeout=120, env=environment)
    return out


@pytest.mark.parametrize("name", maker.PICTURES)
def test_picture_says_what_the_app_says(name: str, fresh: Path) -> None:
    shown = maker.words((fresh / f"{name}.svg").read_text())
    kept = maker.words((PROJECT / "screenshots" / f"{name}.svg").read_text())
    assert len(kept) > 40
    assert shown == kept, "run `make screenshots` and look at the pictures"


def test_every_picture_stands_in_the_readme_and_fetches_nothing() -> None:
    readme = (PROJECT / "README.md").read_text()
    for name in maker.PICTURES:
        assert f"screenshots/{name}.svg" in readme
        picture = (PROJECT / "screenshots" / f"{name}.svg").read_text()
        assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?://", picture)
