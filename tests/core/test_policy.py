from __future__ import annotations

from pathlib import Path

import pytest

from exptui.errors import PolicyError
from exptui.policy import DriftPolicy, Guardrail, MetricPolicy, Policy, Tolerance, load_policy

FULL = """
version = 1
primary = "f1"
tol_quality = 0.02
tol_cost = 0.2
trade_max = 0.04
trade_ratio = 8
min_seeds = 5
alpha = 0.1
escalate_on_any_degradation = true
require_drift_check = true
[metrics.latency_ms]
goal = "min"
role = "cost"
tol = { absolute = 2.0 }
[metrics."val/f1"]
tol = { relative = 0.005 }
[guardrails.latency_ms]
max = 60
[drift]
min_effect = 0.15
strong_effect = 0.3
ignore = ["timestamp"]
"""


def load(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "exptui-policy.toml"
    path.write_text(text)
    return load_policy(path)


def test_every_key_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, FULL) == Policy(
        primary="f1",
        tol_quality=0.02,
        tol_cost=0.2,
        trade_max=0.04,
        trade_ratio=8.0,
        min_seeds=5,
        alpha=0.1,
        escalate_on_any_degradation=True,
        require_drift_check=True,
        metrics={
            "latency_ms": MetricPolicy("min", "cost", Tolerance(absolute=2.0)),
            "val/f1": MetricPolicy(tol=Tolerance(relative=0.005)),
        },
        guardrails={"latency_ms": Guardrail(max=60.0)},
        drift=DriftPolicy(0.15, 0.3, ("timestamp",)),
    )


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    policy = load(tmp_path, "")
    assert policy == Policy()
    assert (policy.tol_quality, policy.tol_cost, policy.trade_max, policy.trade_ratio) == (0.01, 0.1, 0.05, 10)
    assert (policy.min_seeds, policy.alpha, policy.drift.min_effect, policy.drift.strong_effect) == (3, 0.05, 0.1, 0.2)


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("tol_qualty = 0.1", "tol_qualty", "tol_quality"),
        ("[drift]\nmin_efect = 0.1", "drift.min_efect", "min_effect"),
        ("[guardrails.f1]\nmaximum = 1", "guardrails.f1.maximum", "max"),
        ('[metrics.f1]\ngoals = "max"', "metrics.f1.goals", "goal"),
        ("[metrics.f1]\ntol = { relativ = 0.1 }", "metrics.f1.tol.relativ", "relative"),
    ],
)
def test_unknown_key_names_file_key_and_nearest(tmp_path: Path, text: str, key: str, nearest: str) -> None:
    with pytest.raises(PolicyError) as error:
        load(tmp_path, text)
    assert "exptui-policy.toml" in str(error.value)
    assert repr(key) in str(error.value)
    assert f"nearest valid key is {nearest!r}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tol_quality = nan", "tol_quality"),
        ("tol_quality = -0.01", "tol_quality"),
        ("tol_cost = inf", "tol_cost"),
        ('trade_max = "5%"', "trade_max"),
        ("trade_max = true", "trade_max"),
        ("trade_ratio = 0", "trade_ratio"),
        ("min_seeds = 3.5", "min_seeds"),
        ("min_seeds = 1", "min_seeds"),
        ("alpha = 0", "alpha"),
        ("alpha = 1", "alpha"),
        ("alpha = nan", "alpha"),
        ("version = 2", "version"),
        ("primary = 1", "primary"),
        ('require_drift_check = "yes"', "require_drift_check"),
        ("metrics = 1", "metrics"),
        ('[metrics.f1]\ngoal = "up"', "metrics.f1.goal"),
        ('[metrics.f1]\nrole = "main"', "metrics.f1.role"),
        ("[metrics.f1]\ntol = 0.1", "metrics.f1.tol"),
        ("[metrics.f1]\ntol = { absolute = -1 }", "metrics.f1.tol.absolute"),
        ("[metrics.f1]\ntol = { absolute = 1, relative = 0.1 }", "metrics.f1.tol"),
        ("[guardrails.f1]", "guardrails.f1"),
        ("[guardrails.f1]\nmax = nan", "guardrails.f1.max"),
        ("[guardrails.f1]\nmin = 2\nmax = 1", "guardrails.f1.min"),
        ("[drift]\nmin_effect = 2", "drift.min_effect"),
        ("[drift]\nmin_effect = 0.3", "drift.min_effect"),
        ('[drift]\nignore = "timestamp"', "drift.ignore"),
    ],
)
def test_impossible_values_are_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(PolicyError, match=key.replace(".", r"\.")):
        load(tmp_path, text)


def test_unquoted_dots_are_explained(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r'\[metrics\."val\.f1"\]'):
        load(tmp_path, '[metrics.val.f1]\ngoal = "max"')


def test_unreadable_files_are_policy_errors(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"missing\.toml"):
        load_policy(tmp_path / "missing.toml")
    with pytest.raises(PolicyError, match="not valid TOML"):
        load(tmp_path, "tol_quality =")
    (tmp_path / "latin.toml").write_bytes(b'primary = "\xe9"')
    with pytest.raises(PolicyError, match="not valid TOML"):
        load_policy(tmp_path / "latin.toml")


def test_hash_depends_on_what_is_said_only(tmp_path: Path) -> None:
    assert load(tmp_path, "# strict\ntrade_ratio = 10.0").sha256 == Policy().sha256
    assert load(tmp_path, "trade_ratio = 11").sha256 != Policy().sha256
    assert len(Policy().sha256) == 64


def test_tolerance() -> None:
    policy = Policy(metrics={"latency_ms": MetricPolicy(tol=Tolerance(absolute=2.0))})
    assert policy.tolerance("latency_ms", "cost", 45) == 2.0
    assert policy.tolerance("size_mb", "cost", -440) == 44.0
    assert policy.tolerance("f1", "quality", 0.5) == 0.005
