"""YAML from strangers: plain values, and no document that costs more than it weighs."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui.formats.safeyaml import load_mapping, read_mapping


def test_plain_values_keep_their_types() -> None:
    text = 'a: 1\nb: 2.5\nc: yes\nd: null\ne: [1, x]\nf: {g: "\\U0001F377"}\n1: one\nwhen: 2024-05-01 10:00:00\n'
    assert load_mapping(text) == {
        "a": 1, "b": 2.5, "c": True, "d": None, "e": [1, "x"], "f": {"g": "🍷"}, "1": "one",
        "when": "2024-05-01 10:00:00",
    }  # fmt: skip
    assert math.isnan(load_mapping("a: .nan")["a"])


def test_tags_are_not_obeyed() -> None:
    text = """
lr: !!python/float 0.1
dims: !!python/tuple [1, 2]
space: !!python/object:argparse.Namespace {depth: 3}
act: !!python/name:torch.nn.ReLU ''
run: !!python/object/apply:os.system ["touch /tmp/owned"]
mine: !whatever text
"""
    found = load_mapping(text)
    assert found["dims"] == [1, 2]
    assert found["space"] == {"depth": 3}
    assert found["act"] == "torch.nn.ReLU"
    assert found["run"] == ["touch /tmp/owned"]
    assert found["mine"] == "text"


def test_aliases_and_merges_are_spelled_out() -> None:
    found = load_mapping("base: &b {x: 1, y: 2}\nrun: {<<: *b, y: 3}\nmore: {<<: [*b, {x: 9, z: 4}]}\nsame: *b\n")
    assert found["run"] == {"x": 1, "y": 3}
    assert found["more"] == {"x": 1, "y": 2, "z": 4}
    assert found["same"] == found["base"]


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _bomb(),
        "a: &a [*a]",
        "a: " + "[" * 5000,
        "a: " + "{b: " * 500,
        "- " * 100_000,
        "\n".join(f"k{n}: v" for n in range(20_000)),
        "a: " + "x" * (1 << 20),
        "a: *nothing",
        "",
        "just text",
        "- a\n- b\n",
        "a: [1, 2",
        "a: b: c",
        "a: 1\n--- \nb: 2\n",
        "\x00",
    ],
    ids=range(15),
)
def test_what_is_no_mapping_or_too_much_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError):
        load_mapping(text)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("number", ["1" + ":59" * 300_000, "9" * 900_000, "1" + ":59" * 200_000 + ".5"])
def test_a_monstrous_number_stays_text(number: str) -> None:
    began = time.monotonic()
    assert load_mapping(f"a: {number}") == {"a": number}
    assert time.monotonic() - began < 1.0


def test_a_file_that_is_none_raises_oserror(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("a: 1")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "good.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert read_mapping(str(tmp_path / "good.yaml")) == {"a": 1}
    for name in ("link.yaml", "pipe.yaml", "none.yaml", "."):
        with pytest.raises(OSError):
            read_mapping(str(tmp_path / name))


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="&*a:<-[]{}!? \n\t'\"|>#%0.1e~\x85é", max_size=80)))
def test_any_text_is_a_mapping_of_plain_data_or_refused(raw: bytes | str) -> None:
    try:
        found = load_mapping(raw)
    except ValueError:
        return
    json.dumps(found)
