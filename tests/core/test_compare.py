from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from exptui.compare import Side, compare, compare_all, param_diff
from exptui.policy import MetricPolicy, Policy, Tolerance
from exptui.records import MetricSummary, RunRecord
from exptui.side import new_infrastructure

NAN = math.nan


def side(name: str, values: dict[str, Any], **more: Any) -> Side:
    seeds = {metric: value if isinstance(value, tuple) else (value,) for metric, value in values.items()}
    return Side(id=name, name=name, values=seeds, **more)


def summary(last: float, count: int = 3) -> MetricSummary:
    return MetricSummary(count, last, 2.0, 0.0, None, None, None, None, 0, 0)


def run(run_id: str, metrics: dict[str, float] | None = None, **more: Any) -> RunRecord:
    logged = {name: summary(value) for name, value in (metrics or {}).items()}
    return RunRecord(id=run_id, format="native", path=run_id, metrics=logged, **{"status": "finished", **more})


def state(base: Any, cand: Any, metric: str = "f1", policy: Policy | None = None, **more: Any) -> str:
    return compare(side("b", {metric: base}, **more), side("c", {metric: cand}, **more), policy).metrics[metric].state


@pytest.mark.parametrize(
    ("metric", "base", "cand", "expected"),
    [
        ("f1", 0.92, 0.9108, "within"),  # exactly 1% down
        ("f1", 0.92, 0.9292, "within"),  # exactly 1% up
        ("f1", 0.92, 0.9107, "degraded"),
        ("f1", 0.92, 0.9293, "improved"),
        ("latency_ms", 45, 40.5, "within"),  # exactly 10%
        ("latency_ms", 45, 49.5, "within"),
        ("latency_ms", 45, 49.6, "degraded"),
        ("latency_ms", 45, 40.4, "improved"),
        ("loglik", -10, -9, "improved"),
        ("loss", 0.4, 0.5, "degraded"),
        ("throughput", 100, 120, "improved"),
        ("error", 0, 0.1, "degraded"),
        ("error", 0, 0, "within"),
        ("f1", 0, 0.1, "improved"),
        ("f1", NAN, 0.9, "baseline_not_finite"),
        ("f1", 0.9, NAN, "not_finite"),
        ("loss", 0.4, math.inf, "not_finite"),
        ("loss", 0.4, -math.inf, "not_finite"),
        ("f1", (0.9, 0.9), (0.9, NAN), "not_finite"),
        ("lr", 0.1, 0.2, "not_judged"),
        ("zorp", 0.1, 0.2, "not_judged"),
    ],
)
def test_state_by_points(metric: str, base: Any, cand: Any, expected: str) -> None:
    assert state(base, cand, metric) == expected


@pytest.mark.parametrize("unit", [1e-6, 1e3, 7.0])
def test_limits_hold_in_any_unit_and_in_float32(unit: float) -> None:
    import numpy as np

    assert state(0.92 * unit, 0.9108 * unit) == "within"
    assert state(float(np.float32(0.92 * unit)), float(np.float32(0.9108 * unit))) == "within"


@pytest.mark.parametrize(
    ("base", "cand", "expected"),
    [
        ((0.920, 0.922, 0.921), (0.950, 0.952, 0.951), "improved"),
        ((0.950, 0.952, 0.951), (0.920, 0.922, 0.921), "degraded"),
        ((0.92, 0.88, 0.94), (0.93, 0.89, 0.96), "uncertain"),
        ((0.9200, 0.9201, 0.9202), (0.9180, 0.9181, 0.9182), "worse_within"),
        ((0.920, 0.921, 0.919, 0.9205, 0.9195), (0.9201, 0.9208, 0.9192, 0.9206, 0.9194), "within"),
        ((0.5, 0.5), (0.5, 0.5), "within"),
    ],
)
def test_state_by_seeds(base: Any, cand: Any, expected: str) -> None:
    assert state(base, cand) == expected


def test_same_seeds_are_paired_in_whatever_order() -> None:
    base, cand = (0.92, 0.80, 0.96), (0.985, 0.941, 0.822)
    paired = compare(
        side("b", {"f1": base}, seeds=("1", "2", "3")), side("c", {"f1": cand}, seeds=("3", "1", "2"))
    ).metrics["f1"]
    # differences .021 .022 .025: mean .0226667, sd .0020817, t(2) 4.302653
    half = 4.302653 * 0.0020816660 / math.sqrt(3)
    assert (paired.lo, paired.hi) == pytest.approx((0.0226667 - half, 0.0226667 + half), abs=1e-6)
    assert paired.ci == "paired_t 95%"
    assert state(base, cand) == "uncertain"


def test_proportions_use_the_evaluated_examples() -> None:
    assert state(0.92, 0.89, "accuracy", n_eval=200) == "uncertain"
    assert state(0.92, 0.89, "accuracy", n_eval=20_000) == "degraded"
    assert state(0.92, 0.95, "accuracy", n_eval=20_000) == "improved"
    assert state(0.92, 0.89, "auc", n_eval=200) == "degraded"  # no count of successes: a point
    assert state(92.0, 89.0, "accuracy", n_eval=200) == "degraded"  # per cent: no proportion


def test_gain_and_share_have_the_direction_in_them() -> None:
    metric = compare(side("b", {"loss": 0.5}), side("c", {"loss": 0.4})).metrics["loss"]
    assert (metric.gain, metric.rel, metric.direction) == (pytest.approx(0.1), pytest.approx(0.2), -1)
    assert compare(side("b", {"loss": 0.0}), side("c", {"loss": 0.4})).metrics["loss"].rel == -math.inf


def test_policy_beats_run_beats_name() -> None:
    base, cand = side("b", {"loss": 0.5}, goals={"loss": "max"}), side("c", {"loss": 0.4})
    assert compare(base, cand).metrics["loss"].direction == 1
    policy = Policy(metrics={"loss": MetricPolicy(goal="min", tol=Tolerance(absolute=0.2))})
    metric = compare(base, cand, policy).metrics["loss"]
    assert (metric.direction, metric.state) == (-1, "within")
    assert compare(base, cand, Policy(metrics={"loss": MetricPolicy(role="diagnostic")})).primary is None


def test_absent_metrics() -> None:
    comparison = compare(side("b", {"f1": 0.9, "recall": 0.9}), side("c", {"f1": 0.9, "auc": 0.9}))
    assert comparison.metrics["recall"].state == "missing"
    assert comparison.metrics["auc"].state == "missing_in_baseline"
    assert comparison.secondary == []


@pytest.mark.parametrize(
    ("cand", "expected"),
    [
        ({"f1": 0.93, "latency_ms": 45}, "dominates"),
        ({"f1": 0.92, "latency_ms": 45}, "equal"),
        ({"f1": 0.91, "latency_ms": 44}, "incomparable"),
        ({"f1": 0.92, "latency_ms": 46}, "dominated"),
        ({"f1": 0.92, "latency_ms": NAN}, "dominated"),
    ],
)
def test_pareto(cand: dict[str, float], expected: str) -> None:
    assert compare(side("b", {"f1": 0.92, "latency_ms": 45}), side("c", cand)).pareto == expected


def test_single_runs_need_neither_numpy_nor_scipy() -> None:
    program = (
        "import sys\n"
        "from exptui.compare import Side, compare\n"
        "from exptui.recommend import recommend\n"
        "b = Side(id='b', name='b', values={'accuracy': (0.92,)}, n_eval=200)\n"
        "c = Side(id='c', name='c', values={'accuracy': (0.89,)}, n_eval=200)\n"
        "recommend(compare(b, c)).as_json()\n"
        "assert not {'numpy', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": "core"})


def test_holm_widens_the_intervals_of_several_candidates() -> None:
    base = side("b", {"f1": (0.90, 0.91, 0.92)})
    candidates = [side(f"c{at}", {"f1": (0.95 + at / 100, 0.96 + at / 100, 0.97 + at / 100)}) for at in range(3)]
    found = compare_all(base, [*candidates, base])
    assert [one.candidates for one in found[:3]] == [3, 3, 3]
    assert [one.best for one in found] == [False, False, True, False]
    levels = [one.metrics["f1"].interval.level for one in found[:3] if one.metrics["f1"].interval]
    assert levels == pytest.approx([0.95, 1 - 0.05 / 2, 1 - 0.05 / 3])  # the smallest p is tested hardest


def test_a_side_from_runs() -> None:
    runs = [
        run("r1", {"f1": 0.9, "loss": 0.3}, name="bert", group="bert", params={"seed": 1}, evaluation={"n": 200}),
        run("r2", {"f1": 0.8}, name="bert-2", group="bert", params={"train.seed": 2}, evaluation={"n": 100}),
    ]
    runs[0] = run(
        "r1",
        {"f1": 0.9, "loss": 0.3},
        name="bert-1",
        group="bert",
        params={"seed": 1},
        evaluation={"n": 200, "version": "v1"},
        summary={"f1": 0.95, "note": "text", "ok": True, "broken": "NaN"},
        goals={"f1": "maximize"},
        requires_infra=("8xH100",),
    )
    found = Side.from_runs(runs)
    assert (found.id, found.name, found.seeds, found.n_eval) == ("r1+r2", "bert", ("1", "2"), 100)
    assert found.values["f1"] == (0.95, 0.8)
    assert found.values["loss"][0] == 0.3
    assert math.isnan(found.values["loss"][1])
    assert found.unlogged == {"loss": 1, "broken": 1}
    assert (found.broken_seeds("loss"), found.broken_seeds("broken")) == (0, 1)
    assert found.restated == {"f1"}
    assert (found.goals, found.infra) == ({"f1": "max"}, ("8xH100",))
    assert "note" not in found.values
    assert "ok" not in found.values


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (("finished", "crashed"), "crashed"),
        (("running", "finished"), "running"),
        (("unknown", "finished"), "unknown"),
        (("running", "failed", "finished"), "failed"),
    ],
)
def test_status_of_several_runs_is_the_worst(statuses: tuple[str, ...], worst: str) -> None:
    assert Side.from_runs([run(f"r{at}", status=status) for at, status in enumerate(statuses)]).status == worst


def test_seeds_that_repeat_or_are_missing_pair_nothing() -> None:
    assert Side.from_runs([run("a", params={"seed": 1}), run("b", params={"seed": 1})]).seeds is None
    assert Side.from_runs([run("a", params={"seed": 1}), run("b")]).seeds is None
    with pytest.raises(ValueError, match="at least one"):
        Side.from_runs([])


def test_new_infrastructure() -> None:
    t4 = side("b", {}, environment={"hardware": {"gpu": "NVIDIA T4", "gpu_count": 1, "memory_gb": 16}})
    a100 = side("c", {}, environment={"hardware": {"gpu": "NVIDIA A100", "gpu_count": 8, "memory_gb": 80}})
    assert len(new_infrastructure(t4, a100)) == 3
    assert new_infrastructure(t4, t4) == ()
    assert new_infrastructure(side("b", {}), a100) == ()
    needs = side("c", {}, infra=("8xH100",))
    assert new_infrastructure(side("b", {}), needs)
    assert new_infrastructure(side("b", {}, infra=("8xH100",)), needs) == ()


def test_param_diff_shows_differences_first_in_natural_order() -> None:
    base = run("b", params={"layer10": 1, "layer2": 1, "lr": 0.1, "same": NAN, "gone": None, "flag": True, "n": 1})
    cand = run("c", params={"layer10": 2, "layer2": 2, "lr": 0.1, "same": NAN, "new": None, "flag": 1, "n": 1.0})
    found = [(diff.name, diff.state) for diff in param_diff(base, cand)]
    assert found == [
        ("flag", "changed"),
        ("gone", "removed"),
        ("layer2", "changed"),
        ("layer10", "changed"),
        ("new", "added"),
        ("lr", "equal"),
        ("n", "equal"),
        ("same", "equal"),
    ]


def test_a_run_s_own_metrics_do_not_break_huge_numbers_or_names() -> None:
    huge = side("b", {"loss": (1e308, 1e308, 1e308), "a" + "1" * 5000: 1.0})
    assert compare(huge, huge).metrics["loss"].state == "within"
