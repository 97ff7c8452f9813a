"""Verdicts: a table of known answers, the language, and what must hold for all inputs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui.compare import Side, compare, compare_all
from exptui.policy import Guardrail, MetricPolicy, Policy
from exptui.recommend import Recommendation, exit_code, recommend
from exptui.verdict_table import TABLE

NAN = math.nan
REFERENCE = {"f1": 0.92, "latency_ms": 45, "size_mb": 440}


@dataclass(frozen=True)
class Column:
    column: str
    verdict: str
    effect: float


@dataclass(frozen=True)
class Drift:
    verdict: str
    columns: tuple[Column, ...] = ()
    schema_findings: tuple[Any, ...] = ()


STABLE = Drift("stable")
DRIFT = Drift("drift", (Column("age", "drift", 0.31), Column("city", "stable", 0.01)))


def side(values: dict[str, Any], name: str = "DistilBERT", **more: Any) -> Side:
    seeds = {metric: value if isinstance(value, tuple) else (value,) for metric, value in values.items()}
    return Side(id=name, name=name, values=seeds, **more)


def base(values: dict[str, Any] | None = None, **more: Any) -> Side:
    return side(REFERENCE if values is None else values, "bert-base", **more)


def cand(f1: Any = 0.92, latency: Any = 45, size: Any = 440, **more: Any) -> Side:
    return side({"f1": f1, "latency_ms": latency, "size_mb": size}, **more)


def judge(baseline: Side | None, candidate: Side, policy: Policy | None = None, drift: Any = STABLE) -> Recommendation:
    return recommend(compare(baseline, candidate, policy, drift), now=0.0)


LATENCY_LIMIT = Policy(guardrails={"latency_ms": Guardrail(max=60)})
SEEDS_BASE = (0.920, 0.922, 0.921)

# id, baseline, candidate, policy, drift -> verdict, code, escalations
KNOWN: list[tuple[str, Side | None, Side, Policy | None, Any, str, str, set[str]]] = [
    ("T01", base(), cand(0.89, 12, 260), None, STABLE, "promote", "tradeoff", set()),
    ("T02", base(), cand(0.89, 12, 260), None, DRIFT, "iterate", "tradeoff", {"data_drift"}),
    (
        "T03",
        base(),
        cand(0.89, 12, 260, infra=("8xH100",)),
        None,
        STABLE,
        "promote",
        "tradeoff",
        {"new_infrastructure"},
    ),
    ("T04", base(), cand(0.86, 12, 260), None, STABLE, "abandon", "degraded", {"performance"}),
    ("T05", base(), cand(0.89, 40.5), None, STABLE, "iterate", "degraded", {"performance"}),
    ("T06", base(), cand(0.94), None, STABLE, "promote", "improved", set()),
    ("T07", base(), cand(0.94, 90), None, STABLE, "iterate", "cost_too_high", set()),
    ("T08", base(), cand(0.966, 58.5), None, STABLE, "promote", "improved", set()),
    ("T09", base(), cand(0.92, 22), None, STABLE, "promote", "cheaper", set()),
    ("T10", base(), cand(), None, STABLE, "iterate", "identical", set()),
    ("T11", base(), cand(0.90, 60, 500), None, STABLE, "abandon", "degraded", {"performance"}),
    ("T12", base(), cand(0.92, 90), None, STABLE, "abandon", "costlier", set()),
    ("T13", base(), cand(NAN), None, STABLE, "iterate", "primary_not_finite", {"performance"}),
    ("T14", base(REFERENCE | {"f1": NAN}), cand(), None, STABLE, "none", "baseline_primary_not_finite", set()),
    ("T15", base(status="running"), cand(0.94), None, STABLE, "none", "baseline_not_finished", set()),
    ("T16", None, cand(), None, STABLE, "none", "no_baseline", set()),
    ("T17", base(), base(), None, DRIFT, "none", "is_baseline", set()),
    ("T18", base(), cand(status="running"), None, STABLE, "none", "pending", set()),
    ("T19", base(), cand(NAN, status="running"), None, STABLE, "none", "pending", {"performance"}),
    ("T20", base(), cand(0.99, status="crashed"), None, STABLE, "iterate", "run_failed", set()),
    (
        "T21",
        base(evaluation={"version": "v1"}),
        cand(0.94, evaluation={"version": "v2"}),
        None,
        STABLE,
        "none",
        "not_comparable",
        set(),
    ),
    (
        "T22",
        base(evaluation={"split": "val"}),
        cand(0.94, evaluation={"split": "test"}),
        None,
        STABLE,
        "none",
        "not_comparable",
        set(),
    ),
    ("T23", base({"latency_ms": 45}), cand(), None, STABLE, "none", "no_primary", set()),
    ("T24", base({"zorp": 1}), side({"zorp": 2}), None, STABLE, "none", "direction_unknown", set()),
    (
        "T25",
        base({"zorp": 1}),
        side({"zorp": 2}),
        Policy(metrics={"zorp": MetricPolicy(goal="max")}),
        STABLE,
        "promote",
        "improved",
        set(),
    ),
    (
        "T26",
        base({"latency_ms": 45}),
        cand(),
        Policy(primary="f1"),
        STABLE,
        "none",
        "baseline_primary_missing",
        set(),
    ),
    ("T27", base({"loglik": -10}), side({"loglik": -9}), None, STABLE, "promote", "improved", set()),
    ("T28", base({"loglik": -10}), side({"loglik": -20}), None, STABLE, "abandon", "degraded", {"performance"}),
    ("T29", base({"error": 0}), side({"error": 0.1}), None, STABLE, "abandon", "degraded", {"performance"}),
    (
        "T30",
        base({"f1": SEEDS_BASE}),
        side({"f1": (0.950, 0.952, 0.951)}),
        None,
        STABLE,
        "promote",
        "improved",
        set(),
    ),
    (
        "T31",
        base({"f1": (0.92, 0.88, 0.94)}),
        side({"f1": (0.93, 0.89, 0.96)}),
        None,
        STABLE,
        "iterate",
        "uncertain",
        set(),
    ),
    (
        "T32",
        base({"f1": (0.920, 0.921, 0.919, 0.9205, 0.9195)}),
        side({"f1": (0.9201, 0.9208, 0.9192, 0.9206, 0.9194)}),
        None,
        STABLE,
        "abandon",
        "no_gain",
        set(),
    ),
    ("T33", base({"f1": 0.92}), side({"f1": 0.92}), None, STABLE, "iterate", "no_clear_gain", set()),
    (
        "T34",
        base({"accuracy": 0.92}, n_eval=200),
        side({"accuracy": 0.89}, n_eval=200),
        None,
        STABLE,
        "iterate",
        "uncertain",
        set(),
    ),
    (
        "T35",
        base({"accuracy": 0.92}, n_eval=20_000),
        side({"accuracy": 0.89}, n_eval=20_000),
        None,
        STABLE,
        "iterate",
        "degraded",
        {"performance"},
    ),
    ("T36", base(), cand(0.94, 61), LATENCY_LIMIT, STABLE, "iterate", "guardrail", set()),
    (
        "T37",
        base(),
        side({"f1": 0.94, "size_mb": 440}),
        LATENCY_LIMIT,
        STABLE,
        "iterate",
        "guardrail",
        set(),
    ),
    ("T38", base(), cand(0.92, 61, 200), LATENCY_LIMIT, STABLE, "abandon", "guardrail", set()),
    (
        "T39",
        base({"f1": 0.92, "recall": 0.90}),
        side({"f1": 0.94, "recall": 0.828}),
        None,
        STABLE,
        "iterate",
        "secondary_degraded",
        {"performance"},
    ),
    ("T40", base(), cand(0.94), Policy(require_drift_check=True), None, "iterate", "improved", set()),
    ("T41", base(), cand(0.94), None, None, "promote", "improved", set()),
    (
        "T42",
        base(),
        cand(0.89, 12, 260),
        Policy(escalate_on_any_degradation=True),
        STABLE,
        "promote",
        "tradeoff",
        {"performance"},
    ),
    (
        "T43",
        base(),
        cand(0.86, 12, 260, infra=("8xH100",)),
        None,
        DRIFT,
        "abandon",
        "degraded",
        {"performance", "data_drift", "new_infrastructure"},
    ),
    ("T44", base(), cand(0.94, math.inf), None, STABLE, "iterate", "cost_too_high", set()),
    (
        "T45",
        base({"f1": 0.92, "throughput": 100}),
        side({"f1": 0.92, "throughput": 150}),
        None,
        STABLE,
        "promote",
        "cheaper",
        set(),
    ),
    ("T46", base({"f1": 0.92}), side({"f1": 0.9108}), None, STABLE, "iterate", "no_clear_gain", set()),
    ("T47", base(), cand(0.874, 12), None, STABLE, "promote", "tradeoff", set()),
    ("T48", base(), cand(0.8739, 12), None, STABLE, "abandon", "degraded", {"performance"}),
    (
        "T49",
        base({"train/f1": 0.90, "val/f1": 0.90}),
        side({"train/f1": 0.95, "val/f1": 0.846}),
        None,
        STABLE,
        "abandon",
        "degraded",
        {"performance"},
    ),
    (
        "T50",
        base({"f1": SEEDS_BASE}),
        side({"f1": (0.95, NAN, 0.96)}),
        None,
        STABLE,
        "iterate",
        "primary_not_finite",
        {"performance"},
    ),
]


@pytest.mark.parametrize("case", KNOWN, ids=[case[0] for case in KNOWN])
def test_known_answers(case: tuple[Any, ...]) -> None:
    _, baseline, candidate, policy, drift, verdict, code, escalations = case
    found = judge(baseline, candidate, policy, drift)
    assert (found.verdict, found.code) == (verdict, code)
    assert {one.kind for one in found.escalations} == escalations
    assert found.needs_human is bool(escalations)


@pytest.mark.parametrize("case", KNOWN, ids=[case[0] for case in KNOWN])
def test_every_answer_reads_and_serialises(case: tuple[Any, ...]) -> None:
    found = judge(*case[1:5])
    document = found.as_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["schema"] == 1
    for text in (found.rationale, found.next_step, *(one.why for one in found.escalations)):
        assert text
        assert "  " not in text
        assert text.isascii()
    for text in (found.headline, found.next_step, *(one.why for one in found.escalations)):
        assert text[0].isupper() or text.startswith("bert-base")
        assert text.endswith(".")
    assert "nan%" not in found.rationale
    assert "inf%" not in found.rationale


@pytest.mark.parametrize(
    ("candidate", "code"),
    [(cand(0.94), 0), (cand(0.94, 90), 10), (cand(0.92, 90), 11), (cand(status="running"), 12), (cand(0.86), 31)],
)
def test_exit_codes(candidate: Side, code: int) -> None:
    assert exit_code(judge(base(), candidate)) == code


def test_the_reference_sentence() -> None:
    found = judge(base(), cand(0.89, 12, 260))
    said = "DistilBERT: 3% F1 trade-off for 73% latency improvement. Promote to staging for A/B test."
    assert found.headline == said
    assert found.caveat == "(single runs: low confidence)"
    assert found.rationale == (
        f"{said} (single runs: low confidence) F1 0.92 -> 0.89 (-3.0 points), latency 45 -> 12 ms, size 440 -> 260 MB."
    )
    assert found.warnings == ("accepted_degradation",)
    trade = found.as_json()["tradeoff"]
    assert (trade["give"]["metric"], trade["get"]["metric"]) == ("f1", "latency_ms")
    assert (trade["give"]["rel"], trade["get"]["rel"]) == pytest.approx((-0.03 / 0.92, 33 / 45))


def test_unchecked_drift_is_said() -> None:
    found = judge(base(), cand(0.94), drift=None)
    assert "drift_not_checked" in found.warnings
    assert "Drift was not checked." in found.rationale
    assert found.as_json()["drift"] is None


def test_unclear_drift_is_a_warning_and_blocks_where_a_check_is_required() -> None:
    unclear = Drift("unclear", (Column("age", "unclear", 0.2),))
    assert judge(base(), cand(0.94), drift=unclear).verdict == "promote"
    assert "drift_unclear" in judge(base(), cand(0.94), drift=unclear).warnings
    assert judge(base(), cand(0.94), Policy(require_drift_check=True), unclear).verdict == "iterate"
    assert judge(base(), cand(0.94), Policy(require_drift_check=True), STABLE).verdict == "promote"


def test_a_schema_finding_is_drift() -> None:
    found = judge(base(), cand(0.94), drift=Drift("stable", (), (Column("age", "", 0.0),)))
    assert found.verdict == "iterate"
    assert "age" in found.escalations[0].why


@pytest.mark.parametrize("drift", [STABLE, DRIFT])
def test_drift_report_is_summed_up(drift: Drift) -> None:
    said = judge(base(), cand(0.94), drift=drift).as_json()["drift"]
    assert said["verdict"] == drift.verdict
    assert [one["column"] for one in said["columns"]] == [one.column for one in drift.columns]


@pytest.mark.parametrize(
    ("candidate", "confidence"),
    [
        (cand(0.94), "low"),
        (side({"f1": (0.950, 0.952, 0.951)}), "high"),
        (cand(NAN), None),
        (cand(status="running"), None),
    ],
)
def test_confidence(candidate: Side, confidence: str | None) -> None:
    baseline = base({"f1": SEEDS_BASE}) if len(candidate.values["f1"]) == 3 else base()
    assert judge(baseline, candidate).confidence == confidence


def test_two_seeds_are_medium_and_binomial_is_medium() -> None:
    two = judge(base({"f1": (0.920, 0.921)}), side({"f1": (0.950, 0.951)}))
    assert (two.verdict, two.confidence, two.seeds_needed) == ("promote", "medium", 3)
    many = judge(base({"accuracy": 0.92}, n_eval=20_000), side({"accuracy": 0.95}, n_eval=20_000))
    assert (many.verdict, many.confidence) == ("promote", "medium")


def test_uncertain_says_how_many_seeds_decide() -> None:
    found = judge(base({"f1": (0.92, 0.88, 0.94)}), side({"f1": (0.93, 0.89, 0.96)}))
    assert found.seeds_needed is not None
    assert found.seeds_needed > 3
    assert str(found.seeds_needed) in found.next_step


def test_guardrail_violations_are_listed() -> None:
    assert judge(base(), cand(0.94, 61), LATENCY_LIMIT).as_json()["guardrail_violations"] == [
        {"metric": "latency_ms", "value": 61, "min": None, "max": 60}
    ]
    assert judge(base(), cand(0.966, 60), LATENCY_LIMIT).verdict == "promote"
    assert judge(base(), cand(0.94, NAN), LATENCY_LIMIT).code == "guardrail"


@pytest.mark.parametrize(
    ("baseline", "candidate", "warning"),
    [
        (base(), cand(status="stalled"), "stalled"),
        (base(), cand(0.94, status="unknown"), "status_unknown"),
        (base(), cand(), "likely_wrong_checkpoint"),
        (base({"train_f1": 0.9}), side({"train_f1": 0.95}), "primary_is_train"),
        (base(evaluation={"version": "v1"}), cand(0.94), "evaluation_unknown"),
        (base(n_eval=200), cand(0.99, n_eval=300), "evaluation_size_differs"),
        (base(), cand(0.94, restated=frozenset({"f1"})), "mixed_values"),
        (base(), side({"f1": 0.94}), "metric_missing"),
        (
            base(REFERENCE | {"recall": NAN}),
            side(REFERENCE | {"f1": 0.94, "recall": 0.9}),
            "baseline_metric_not_finite",
        ),
    ],
)
def test_warnings(baseline: Side, candidate: Side, warning: str) -> None:
    assert warning in judge(baseline, candidate).warnings


def test_best_of_many_is_said() -> None:
    several = [replace(cand(0.93 + at / 1000), id=str(at)) for at in range(5)]
    found = [recommend(one) for one in compare_all(base(), several, drifts=dict.fromkeys("01234", STABLE))]
    assert ["best_of_k" in one.warnings for one in found] == [False] * 4 + [True]
    assert "Best of 5: among equal runs, the best beats the baseline 83% of the time." in found[-1].rationale


def test_a_stalled_run_waits_and_a_healthy_overflow_alarms_nobody() -> None:
    assert judge(base(), cand(status="stalled")).code == "pending"
    running = side({"f1": 0.9, "grad_norm": math.inf}, status="running")
    assert judge(base(), running).escalations == ()
    one_seed_young = side({"f1": (0.9, NAN)}, status="running", unlogged={"f1": 1})
    assert judge(base(), one_seed_young).escalations == ()


def test_a_metric_that_some_seed_never_logged_is_missing() -> None:
    found = judge(base({"f1": SEEDS_BASE}), side({"f1": (0.95, NAN, 0.95)}, unlogged={"f1": 1}))
    assert found.code == "primary_missing"
    assert "in 1 of 3 seed runs" in found.headline


def test_unprefixed_twins_never_decide() -> None:
    keras = {"loss": 0.30, "val_loss": 0.40, "accuracy": 0.90, "val_accuracy": 0.88}
    assert judge(base(keras), side(keras | {"loss": 0.5, "accuracy": 0.7, "val_accuracy": 0.92})).verdict == "promote"


def test_a_gain_elsewhere_is_not_nothing() -> None:
    seeds = {"f1": (0.92, 0.92, 0.92), "recall": (0.90, 0.90, 0.90)}
    found = judge(base(seeds), side(seeds | {"recall": (0.95, 0.95, 0.95)}))
    assert (found.verdict, found.code) == ("iterate", "no_clear_gain")


def test_every_row_has_its_code_and_none_is_out_of_reach() -> None:
    assert {case[6] for case in KNOWN} | {"primary_missing"} == {row.code for row in TABLE}


metrics = st.fixed_dictionaries(
    {
        "f1": st.floats(0.2, 0.9),
        "recall": st.floats(0.2, 0.9),
        "latency_ms": st.floats(1, 100),
        "size_mb": st.floats(1, 1000),
    }
)
RANK = {"promote": 2, "iterate": 1, "abandon": 0, "none": 0}
BETTER = {"f1": 1, "recall": 1, "latency_ms": -1, "size_mb": -1}


@given(metrics, st.fixed_dictionaries({name: st.floats(0.001, 0.5) for name in BETTER}))
def test_better_on_every_metric_is_never_abandoned(before: dict[str, float], by: dict[str, float]) -> None:
    better = {name: value * (1 + BETTER[name] * by[name]) for name, value in before.items()}
    found = judge(base(before), side(better))
    assert found.verdict in {"promote", "iterate"}
    assert "performance" not in {one.kind for one in found.escalations}
    if by["f1"] > 0.011:
        assert found.verdict == "promote"


@given(metrics, metrics, st.sampled_from(sorted(BETTER)), st.sampled_from([NAN, math.inf, -math.inf]))
def test_nan_never_lets_a_candidate_pass(
    before: dict[str, float], now: dict[str, float], broken: str, value: float
) -> None:
    found = judge(base(before), side(now | {broken: value}))
    assert found.verdict != "promote"
    if broken == "f1":
        assert found.code == "primary_not_finite"
    elif judge(base(before), side(now)).verdict == "abandon":
        assert found.verdict in {"abandon", "iterate"}


@given(metrics, metrics, st.text(min_size=1, max_size=20))
def test_names_of_runs_change_nothing(before: dict[str, float], now: dict[str, float], name: str) -> None:
    one = judge(base(before), side(now))
    other = judge(replace(base(before), name=name), replace(side(now), name=name))
    assert (one.verdict, one.code, one.warnings) == (other.verdict, other.code, other.warnings)
    assert one.as_json()["metrics"] == other.as_json()["metrics"]


@given(metrics)
def test_the_baseline_against_itself(values: dict[str, float]) -> None:
    assert judge(base(values), base(values)).code == "is_baseline"
    assert judge(base(values), side(values)).code == "identical"


@given(metrics, metrics, st.fixed_dictionaries({name: st.sampled_from([1e-6, 1e-3, 8, 1024]) for name in BETTER}))
def test_units_change_nothing(before: dict[str, float], now: dict[str, float], scale: dict[str, float]) -> None:
    one = judge(base(before), side(now))
    other = judge(
        base({name: value * scale[name] for name, value in before.items()}),
        side({name: value * scale[name] for name, value in now.items()}),
    )
    assert (one.verdict, one.code) == (other.verdict, other.code)


seeds = st.lists(st.floats(0.2, 0.9), min_size=2, max_size=5).map(tuple)


@given(seeds, seeds, st.randoms(use_true_random=False))
def test_the_order_of_seed_runs_changes_nothing(before: tuple[float, ...], now: tuple[float, ...], chance: Any) -> None:
    one = judge(base({"f1": before}), side({"f1": now}))
    shuffled = tuple(chance.sample(now, len(now)))
    other = judge(base({"f1": before}), side({"f1": shuffled}))
    assert (one.verdict, one.code, one.rationale) == (other.verdict, other.code, other.rationale)


anything = st.dictionaries(
    st.sampled_from(["f1", "val/loss", "latency_ms", "zorp", "lr", "train/f1"]),
    st.lists(st.floats(), min_size=1, max_size=3).map(tuple),
    max_size=5,
)


@given(anything, anything, st.sampled_from([None, STABLE, DRIFT]), st.booleans())
def test_any_values_give_a_verdict_in_strict_json(before: Any, now: Any, drift: Any, strict: bool) -> None:
    found = judge(base(before), side(now), Policy(escalate_on_any_degradation=strict), drift)
    json.dumps(found.as_json(), allow_nan=False)
    assert found.rationale.startswith("DistilBERT: ")
