"""The diff, the recommendation, drift, the overview and the header: what they say, and that they fit."""

import math
from typing import Any

import pytest

from exptui.compare import Side, compare
from exptui.drift.report import ColumnDrift, DriftReport, SchemaFinding
from exptui.recommend import recommend
from exptui.records import MetricSummary, Problem, Progress, RunRecord, Signs
from exptui_tui.format import Line, fit, width_of
from exptui_tui.present.decision import decision, short, verdict_line
from exptui_tui.present.diff import diff
from exptui_tui.present.drift import drift
from exptui_tui.present.header import header, home
from exptui_tui.present.run import run as overview

EVIL = "\x1b]52;c;AAAA\x07\u202e\x9b31m"


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def run(name: str, metrics: dict[str, float], **more: Any) -> RunRecord:
    found = {
        key: MetricSummary(9, value, 8.0, 0.0, None, None, None, None, int(math.isnan(value)), 0)
        for key, value in metrics.items()
    }
    facts = {"id": name, "format": "native", "path": name, "name": name, "metrics": found, "status": "finished"}
    return RunRecord(**facts | more)


BASE = run("base", {"val/f1": 0.9, "latency_ms": 45.0, "same": 1.0}, params={"lr": 0.1, "a": 1, "b": 2, "gone": "x"})
NOW = run("now", {"val/f1": 0.8, "latency_ms": 12.0, "same": 1.0}, params={"lr": 0.2, "a": 1, "b": 2, "new": True})


def diff_of(candidate: RunRecord, width: int = 100, *, folded: bool = True, base: RunRecord = BASE) -> list[Line]:
    comparison = compare(Side.from_runs([base]), Side.from_runs([candidate]))
    return diff(base, candidate, comparison, width, folded=folded)


def test_a_diff_shows_differences_and_counts_what_is_equal() -> None:
    shown = text(diff_of(NOW))
    assert "0.1 → 0.2" in shown
    assert "x → –" in shown
    assert "– → true" in shown
    assert "2 equal (f unfolds)" in shown, "the params a and b"
    assert "1 equal (f unfolds)" in shown, "the metric that is the same"
    assert "0.9000 → 0.8000    -11%  worse" in shown
    assert "-73%  better" in shown
    assert shown.index("val/f1") < shown.index("latency_ms"), "the metric that decides first"


def test_an_unfolded_diff_lists_everything() -> None:
    shown = text(diff_of(NOW, folded=False))
    assert "unfolds" not in shown
    assert shown.index("lr") < shown.index("\nb ")
    assert "same" in shown


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"val/f1": 0.9}, {"val/f1": math.nan}, "not finite"),
        ({"val/f1": math.nan}, {"val/f1": 0.9}, "baseline not finite"),
        ({"val/f1": 0.9}, {}, "only in baseline"),
        ({"val/f1": 0.9}, {}, "0.9000 → –"),
        ({}, {"val/f1": 0.9}, "– → 0.9000"),
        ({}, {"val/f1": 0.9}, "only here"),
        ({"val/f1": 0.9}, {"val/f1": 0.9}, "1 equal"),
        ({"gadgets": 1.0}, {"gadgets": 2.0}, "which way is better is not known"),
        ({"val/f1": 0.0}, {"val/f1": 0.9}, "from 0"),
        ({}, {}, "neither run logged any"),
    ],
)
def test_a_diff_says_what_is_odd(before: dict[str, float], now: dict[str, float], words: str) -> None:
    assert words in text(diff_of(run("now", now), base=run("base", before)))


@pytest.mark.parametrize("width", [38, 60, 80, 120])
def test_every_report_fits_and_is_harmless(width: int) -> None:
    odd = {f"m{EVIL}{'模' * 40}": 0.5, "val/f1": 0.8}
    candidate = run(
        f"模型{EVIL}" * 20, odd, params={f"p{EVIL}": EVIL * 50, "lr": ["long"] * 99}, notes=EVIL * 99,
        hypothesis=f"because {EVIL}", tags=(EVIL,), data={"current": "/data/" + "模" * 200}, group=EVIL,
        problems=(Problem(EVIL, 7, EVIL * 40),), summary={EVIL: EVIL}, created=1e9, updated=-2.5e11,
    )  # fmt: skip
    recommendation = recommend(compare(Side.from_runs([BASE]), Side.from_runs([candidate])))
    report = DriftReport(
        "drift",
        (ColumnDrift(column=f"c{EVIL}" * 9, type="numeric", verdict="drift", effect=0.5, effect_low=0.4,
                     effect_high=0.6, q=1e-30, direction="up", missing_reference=0.0, missing_current=1.0,
                     note=EVIL * 20, sparkline=(0.1, -0.9, math.nan) * 7),),
        (SchemaFinding(EVIL, EVIL * 30),), "/ref/" + "模" * 200, EVIL * 30,
    )  # fmt: skip
    reports = [
        diff_of(candidate, width, folded=False),
        decision(recommendation, width, "drift is being checked"),
        [verdict_line(recommendation, width, "")],
        [header(f"/runs/{EVIL}", [candidate], candidate, Progress(1, 3, False), width, EVIL)],
        drift(report, width),
        overview(candidate, width, 2e9),
    ]
    for lines in reports:
        assert not set(EVIL) & {"\x1b", "\x07", "\u202e", "\x9b"} & set(text(lines))
        assert all(width_of(fit(line, width)) <= width for line in lines)
        assert lines
    assert all(width_of(line) <= width for line in reports[1]), "a recommendation is wrapped, never cut"


def test_an_overview_survives_moments_out_of_the_calendar() -> None:
    for moment in (-2.5e11, 2.5e11, 1e-9, -1.0):
        assert "created" in text(overview(run("odd", {}, created=moment, signs=Signs()), 80, 1e9))


def test_a_recommendation_says_the_verdict_the_reason_and_the_next_step() -> None:
    found = recommend(compare(Side.from_runs([BASE]), Side.from_runs([NOW])))
    shown = text(decision(found, 100))
    assert shown.startswith(found.verdict.upper())
    assert f"rule {found.code}" in shown
    flat = " ".join(shown.split())
    assert found.headline in flat
    assert found.next_step in flat
    assert short(None) == ""
    assert short(found).startswith(found.verdict)


def test_a_person_who_is_needed_is_said_to_be_needed() -> None:
    found = recommend(compare(Side.from_runs([BASE]), Side.from_runs([run("bad", {"val/f1": 0.1})])))
    assert found.needs_human
    assert short(found).endswith(" !")
    assert "a person is needed" in text([verdict_line(found, 200, "")])
    assert "A person is needed" in text(decision(found, 80))


@pytest.mark.parametrize("missing", [(None, None), (0.0, 0.25)])
def test_drift_names_the_moved_column_its_way_and_its_gaps(missing: tuple[float | None, float | None]) -> None:
    column = ColumnDrift(
        column="age", type="numeric", verdict="drift", effect=0.29, q=0.001, direction="up", note="moved up",
        missing_reference=missing[0], missing_current=missing[1],
    )  # fmt: skip
    shown = text(drift(DriftReport("drift", (column,), (), "/runs/a.csv", "/runs/b.csv"), 80))
    for word in ("DRIFT", "age", "↑ up", "moved up", "a.csv", "b.csv", "1 column: 1 drift"):
        assert word in shown
    assert ("25%" in shown) == (missing[1] is not None)


def test_the_header_counts_what_is_alive_and_what_is_not() -> None:
    runs = [run(state, {}, status=state) for state in ("running", "running", "stalled", "failed", "finished")]
    shown = text([header("/runs", runs, None, Progress(5, 5, True), 120, "")])
    assert "5 runs · 2 running · 1 stalled · 1 failed" in shown
    assert "baseline none (b sets it)" in shown
    assert "? help" in shown


def test_the_header_says_how_far_reading_is_and_when_it_cannot_read() -> None:
    assert "reading 33% of 9" in text([header("/runs", [], None, Progress(3, 9, False), 120, "")])
    assert "gone" in text([header("/runs", [], None, Progress(3, 9, False), 120, "gone")])


def test_the_home_directory_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert home("/home/me/runs") == "~/runs"
    assert home("/home/me") == "~"
    assert home("/home/meg/runs") == "/home/meg/runs"
