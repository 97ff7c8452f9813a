"""`exptui compare`, `drift` and `baseline`: documents and exit codes that scripts may branch on."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from exptui_tui.cli import main
from tui.recorded import begin, exptui_, record, three

RESULT_KEYS = {
    "schema", "candidate", "baseline", "verdict", "code", "confidence", "headline", "rationale", "next_step",
    "needs_human", "escalations", "warnings", "primary", "metrics", "drift",
}  # fmt: skip
COLUMN_KEYS = {
    "column", "type", "verdict", "strong", "effect", "statistic", "p", "q", "direction", "n_reference", "n_current",
    "missing_reference", "missing_current", "note",
}  # fmt: skip


def table(path: Path, mean: float, rows: int = 2000, seed: int = 1) -> Path:
    rng = random.Random(seed)
    lines = (f"{rng.gauss(mean, 1):.6f},{rng.choice('abc')}\n" for _ in range(rows))
    path.write_text("age,kind\n" + "".join(lines))
    return path


def command(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no strict JSON")

    return json.loads(capsys.readouterr().out, parse_constant=refuse)


@pytest.mark.parametrize(
    ("metrics", "ending", "verdict", "code"),
    [
        ({"val/f1": [0.95], "latency_ms": [45.0]}, "finished", "promote", 0),
        ({"val/f1": [0.9], "latency_ms": [45.0], "x": [1.0]}, "finished", "iterate", 10),
        ({"val/f1": [0.95], "latency_ms": [45.0]}, "failed", "iterate", 10),
        ({"val/f1": [0.9], "latency_ms": [90.0]}, "finished", "abandon", 11),
        ({"val/f1": [0.5], "latency_ms": [45.0]}, "finished", "abandon", 31),
        ({"val/f1": [float("nan")], "latency_ms": [45.0]}, "finished", "iterate", 30),
        ({"val/f1": [0.95]}, None, "none", 12),
        ({"val/f1": [float("nan")]}, None, "none", 32),
    ],
)
def test_the_exit_code_is_the_verdict(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    metrics: dict[str, Sequence[float]],
    ending: str,
    verdict: str,
    code: int,
) -> None:
    baseline = record(root, "base", {"val/f1": [0.9], "latency_ms": [45.0], "x": [2.0]})
    run = begin(root, "now", metrics)
    if ending:
        run.finish(ending)  # type: ignore[arg-type]
    assert command("compare", "base", "now", "--runs", root, "--json") == code
    run.finish()
    found = document(capsys)
    assert (found["schema"], found["baseline"]) == (1, baseline)
    (result,) = found["results"]
    assert set(result) >= RESULT_KEYS
    assert (result["verdict"], result["candidate"], result["needs_human"]) == (verdict, run.id, code >= 20)


def test_the_text_says_the_same_as_the_document(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three(root)
    code = command("compare", "base", "better", "broken", "--runs", root, "--json")
    results = document(capsys)["results"]
    assert [one["candidate"] for one in results] != []
    assert command("compare", "base", "better", "broken", "--runs", root) == code == 0, "the first candidate counts"
    shown = " ".join(capsys.readouterr().out.split())
    for one in results:
        assert one["headline"] in shown
        assert one["verdict"].upper() in shown
    assert "0.1 → 0.2" in shown
    assert "better against base" in shown


def test_a_policy_changes_the_verdict(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three(root)
    policy = tmp_path / "policy.toml"
    policy.write_text("[guardrails]\nlatency_ms = { max = 10.0 }\n")
    assert command("compare", "base", "better", "--runs", root, "--policy", policy, "--json") % 20 != 0
    assert document(capsys)["results"][0]["guardrail_violations"]
    policy.write_text("nonsense = 1\n")
    assert command("compare", "base", "better", "--runs", root, "--policy", policy) == 2
    assert command("compare", "base", "better", "--runs", root, "--policy", tmp_path / "none.toml") == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("mean", "rows", "seed", "verdict", "code"),
    [
        (1.0, 2000, 2, "drift", 20),
        (0.0, 2000, 2, "stable", 0),
        (0.0, 2000, 1, "identical", 0),
        (0.2, 60, 2, "unclear", 21),
    ],
)
def test_drift_of_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mean: float, rows: int, seed: int, verdict: str, code: int
) -> None:
    reference = table(tmp_path / "reference.csv", 0.0)
    current = table(tmp_path / "current.csv", mean, rows, seed)
    assert command("drift", reference, current, "--json") == code
    found = document(capsys)
    assert (found["schema"], found["verdict"], found["schema_findings"]) == (1, verdict, [])
    assert all(set(one) >= COLUMN_KEYS for one in found["columns"])
    if verdict == "drift":
        (age,) = (one for one in found["columns"] if one["column"] == "age")
        assert (age["verdict"], age["direction"], age["type"]) == ("drift", "up", "numeric")
        assert (age["n_reference"], age["n_current"]) == (2000, 2000)
        assert age["effect"] == age["statistic"] > 0.3
    assert command("drift", reference, current) == code
    assert verdict.upper() in capsys.readouterr().out


def test_a_column_that_is_gone_is_a_schema_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference = table(tmp_path / "reference.csv", 0.0)
    current = tmp_path / "current.csv"
    current.write_text("".join(line.partition(",")[0] + "\n" for line in reference.read_text().splitlines()))
    assert command("drift", reference, current, "--json") == 20
    (finding,) = document(capsys)["schema_findings"]
    assert finding["column"] == "kind"
    assert finding["what"]


def test_drift_between_what_two_runs_declare(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table(root / "a.csv", 0.0)
    table(root / "b.csv", 1.0, seed=2)
    score = {"val/f1": [0.9], "latency_ms": [4.0]}
    record(root, "base", score, data="runs/a.csv")
    record(root, "moved", {"val/f1": [0.95], "latency_ms": [4.0]}, data="runs/b.csv")
    record(root, "bare", score)
    assert command("drift", "base", "moved", "--runs", root, "--json") == 20
    assert document(capsys)["verdict"] == "drift"
    monkeypatch.chdir(root)  # what was declared does not depend on where we are
    assert command("compare", "base", "moved", "--runs", root, "--json") == 30, "drift needs a person"
    result = document(capsys)["results"][0]
    assert (result["verdict"], result["drift"]["verdict"]) == ("iterate", "drift")
    assert "data_drift" in {one["kind"] for one in result["escalations"]}
    assert command("drift", "base", "bare", "--runs", root) == 2
    assert "bare" in capsys.readouterr().err


def test_a_word_that_is_neither_a_file_nor_a_run(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(root, "base")
    assert command("drift", "base", "nope.csv", "--runs", root) == 2
    said = capsys.readouterr().err
    assert "no run 'nope.csv'" in said
    assert "no such file" in said
    assert command("drift", tmp_path, tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_baseline_is_set_shown_and_cleared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = three(root)
    nothing = {"schema": 1, "baseline": None, "name": None}
    assert command("baseline", "--runs", root, "--json") == 0
    assert document(capsys) == nothing
    assert command("baseline", "base", "--runs", root, "--json") == 0
    assert document(capsys) == {"schema": 1, "baseline": ids["base"], "name": "base"}
    assert command("baseline", "--runs", root) == 0
    assert capsys.readouterr().out == f"base ({ids['base']})\n"
    assert json.loads(exptui_("baseline", "--runs", root, "--json").stdout)["baseline"] == ids["base"]
    assert command("list", root) == 0
    shown = capsys.readouterr().out
    assert "◆ ✓ finished base" in shown
    assert "+5.6% better" in shown
    assert command("baseline", "--clear", "--runs", root, "--json") == 0
    assert document(capsys) == nothing
    assert command("baseline", "base", "--clear", "--runs", root) == 2


def test_a_baseline_whose_run_is_gone_is_still_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = three(root)
    command("baseline", "base", "--runs", root)
    (root / ids["base"]).rename(root.parent / "elsewhere")
    capsys.readouterr()
    assert command("baseline", "--runs", root) == 0
    assert f"{ids['base']} (not in" in capsys.readouterr().out
