"""The thresholds, directions and limits that verdicts rest on, from a TOML file or the defaults below."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from exptui.errors import PolicyError
from exptui.metric_names import Role

FILE_NAME = "exptui-policy.toml"
Goal = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How large a change counts as none: a share of the baseline's size, or in the metric's unit."""

    relative: float | None = None
    absolute: float | None = None

    def of(self, baseline: float) -> float:
        """The tolerance in the metric's unit. A share of a baseline of 0 is 0: any change counts."""
        return self.absolute if self.absolute is not None else (self.relative or 0.0) * abs(baseline)


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """What the policy says about one metric; None leaves it to the run or to the metric's name."""

    goal: Goal | None = None
    role: Role | None = None
    tol: Tolerance | None = None


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Limits in the metric's unit, both inclusive."""

    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """Effects are largest differences in probability, 0 to 1; `ignore` names columns."""

    min_effect: float = 0.10
    strong_effect: float = 0.20
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Tolerances and `trade_max` are shares of the baseline's value. `trade_ratio` is the cost gain needed
    per unit of quality lost, and the cost allowed per unit of quality gained. `min_seeds` seed runs on
    each side make a verdict's confidence high; `alpha` is the error rate of every interval."""

    version: int = 1
    primary: str | None = None
    tol_quality: float = 0.01
    tol_cost: float = 0.10
    trade_max: float = 0.05
    trade_ratio: float = 10.0
    min_seeds: int = 3
    alpha: float = 0.05
    escalate_on_any_degradation: bool = False
    require_drift_check: bool = False
    metrics: Mapping[str, MetricPolicy] = field(default_factory=dict)
    guardrails: Mapping[str, Guardrail] = field(default_factory=dict)
    drift: DriftPolicy = DriftPolicy()

    @property
    def sha256(self) -> str:
        """Hash of what the policy says, not of how the file is written: comments and order do not matter."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def tolerance(self, metric: str, role: Role, baseline: float) -> float:
        """The largest change of `metric`, in its unit, that counts as no change."""
        said = self.metrics.get(metric)
        if said is not None and said.tol is not None:
            return said.tol.of(baseline)
        return Tolerance(relative=self.tol_cost if role == "cost" else self.tol_quality).of(baseline)


def load_policy(path: str | Path) -> Policy:
    """Read and check a policy file.

    Raises PolicyError, with file and key, if the file cannot be read, has an unknown key, or a value that is
    of the wrong type, not finite, or out of range.
    """
    try:
        with open(path, "rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: is not valid TOML: {error}") from error
    try:
        return _policy(document, "")
    except _WrongError as error:
        raise PolicyError(f"{path}: {error}") from None


class _WrongError(Exception):
    """What is wrong with a key, without the file's name."""


Check = Callable[[Any, str], Any]


def _read(table: Any, where: str, checks: Mapping[str, Check]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise _WrongError(f"{where} must be a table, not {_shown(table)}")
    read = {}
    for key, value in table.items():
        place = f"{where}.{key}" if where else key
        if key not in checks:
            raise _WrongError(_unknown(key, value, where, checks))
        read[key] = checks[key](value, place)
    return read


def _unknown(key: str, value: Any, where: str, checks: Mapping[str, Check]) -> str:
    nearest = max(checks, key=lambda valid: difflib.SequenceMatcher(None, key, valid).ratio())
    place = f"{where}.{key}" if where else key
    said = f"unknown key {place!r}; the nearest valid key is {nearest!r}"
    if where.startswith(("metrics.", "guardrails.")) and isinstance(value, dict):
        group, _, name = where.partition(".")
        said += f' (a metric name with a dot needs quotes: [{group}."{name}.{key}"])'
    return said


def _shown(value: Any) -> str:
    return f"{value!r} ({type(value).__name__})" if not isinstance(value, dict | list) else type(value).__name__


def _number(
    low: float = -math.inf, high: float = math.inf, *, low_open: bool = False, high_open: bool = False
) -> Check:
    def check(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _WrongError(f"{where} must be a number, not {_shown(value)}")
        if not math.isfinite(value):
            raise _WrongError(f"{where} must be finite, not {value}")
        if value < low or value > high or (low_open and value == low) or (high_open and value == high):
            raise _WrongError(f"{where} must be {_range(low, high, low_open, high_open)}, not {value}")
        return float(value)

    return check


def _range(low: float, high: float, low_open: bool, high_open: bool) -> str:
    below = f"{'above' if low_open else 'at least'} {low:g}"
    return below if high == math.inf else f"{below} and {'below' if high_open else 'at most'} {high:g}"


def _integer(low: int, high: int | None = None) -> Check:
    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _WrongError(f"{where} must be a whole number, not {_shown(value)}")
        if value < low or (high is not None and value > high):
            wanted = f"{low}" if low == high else f"at least {low}"
            raise _WrongError(f"{where} must be {wanted}, not {value}")
        return value

    return check


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _WrongError(f"{where} must be true or false, not {_shown(value)}")
    return value


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _WrongError(f"{where} must be a name in quotes, not {_shown(value)}")
    return value


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _WrongError(f"{where} must be a list of names, not {_shown(value)}")
    return tuple(_name(entry, f"{where}[{at}]") for at, entry in enumerate(value))


def _one_of(*words: str) -> Check:
    def check(value: Any, where: str) -> str:
        if value not in words:
            raise _WrongError(f"{where} must be one of {', '.join(map(repr, words))}, not {_shown(value)}")
        return str(value)

    return check


def _each(check: Check) -> Check:
    def check_all(table: Any, where: str) -> dict[str, Any]:
        if not isinstance(table, dict):
            raise _WrongError(f"{where} must be a table, not {_shown(table)}")
        return {name: check(value, f"{where}.{name}") for name, value in table.items()}

    return check_all


def _tolerance(table: Any, where: str) -> Tolerance:
    read = _read(table, where, {"relative": _number(0), "absolute": _number(0)})
    if len(read) != 1:
        raise _WrongError(f"{where} must have either relative or absolute")
    return Tolerance(**read)


def _metric(table: Any, where: str) -> MetricPolicy:
    role = _one_of("quality", "cost", "diagnostic")
    return MetricPolicy(**_read(table, where, {"goal": _one_of("min", "max"), "role": role, "tol": _tolerance}))


def _guardrail(table: Any, where: str) -> Guardrail:
    limits = Guardrail(**_read(table, where, {"min": _number(), "max": _number()}))
    if limits.min is None and limits.max is None:
        raise _WrongError(f"{where} must have min, max, or both")
    if limits.min is not None and limits.max is not None and limits.min > limits.max:
        raise _WrongError(f"{where}.min is above {where}.max")
    return limits


def _drift(table: Any, where: str) -> DriftPolicy:
    effect = _number(0, 1, low_open=True)
    drift = DriftPolicy(**_read(table, where, {"min_effect": effect, "strong_effect": effect, "ignore": _names}))
    if drift.min_effect > drift.strong_effect:
        raise _WrongError(f"{where}.min_effect is above {where}.strong_effect ({drift.strong_effect:g})")
    return drift


def _policy(table: Any, where: str) -> Policy:
    checks: dict[str, Check] = {
        "version": _integer(1, 1),
        "primary": _name,
        "tol_quality": _number(0),
        "tol_cost": _number(0),
        "trade_max": _number(0),
        "trade_ratio": _number(0, low_open=True),
        "min_seeds": _integer(2),
        "alpha": _number(0, 1, low_open=True, high_open=True),
        "escalate_on_any_degradation": _boolean,
        "require_drift_check": _boolean,
        "metrics": _each(_metric),
        "guardrails": _each(_guardrail),
        "drift": _drift,
    }
    return Policy(**_read(table, where, checks))
