"""One side of a comparison: a run, or the seed runs of one configuration taken together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from exptui.records import RunRecord, Status

_WORST_FIRST: tuple[Status, ...] = (
    "failed",
    "crashed",
    "interrupted",
    "stalled",
    "running",
    "unknown",
    "finished",
)
_GOALS = {"min": "min", "minimize": "min", "max": "max", "maximize": "max"}


@dataclass(frozen=True, slots=True)
class Side:
    """What the verdict needs to know of a baseline or a candidate.

    `values` has one number per seed run for every metric, NaN where a run has none; `unlogged` says how many of
    those NaN stand for "never logged". `restated` names metrics whose declared final value is not the last
    logged one (a best step, say). `seeds` identifies the seed runs for pairing, None where the runs do not say.
    `n_eval` counts evaluated examples, for intervals of proportions.
    """

    id: str
    name: str
    status: Status = "finished"
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    seeds: tuple[str, ...] | None = None
    n_eval: int | None = None
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)
    infra: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    unlogged: Mapping[str, int] = field(default_factory=dict)
    restated: frozenset[str] = frozenset()

    @classmethod
    def from_runs(cls, runs: Sequence[RunRecord]) -> Side:
        """The runs as one side. A metric's value is what the run declares, else what it logged last.

        Raises ValueError if there are no runs.
        """
        if not runs:
            raise ValueError("a side of a comparison needs at least one run")
        found = [_values(run) for run in runs]
        names = dict.fromkeys(name for values in found for name in values)
        evaluation = _agreed([run.evaluation for run in runs])
        return cls(
            id=_identity(runs),
            name=_title(runs),
            status=min((run.status for run in runs), key=_WORST_FIRST.index),
            values={name: tuple(values.get(name, math.nan) for values in found) for name in names},
            seeds=_seeds(runs),
            n_eval=_examples([run.evaluation.get("n") for run in runs]),
            evaluation=evaluation,
            goals={metric: _GOALS[goal] for run in runs for metric, goal in run.goals.items() if goal in _GOALS},
            infra=tuple(dict.fromkeys(need for run in runs for need in run.requires_infra)),
            environment=next((run.environment for run in runs if run.environment), {}),
            unlogged={name: missing for name in names if (missing := sum(name not in values for values in found))},
            restated=frozenset(name for run in runs for name in _restated(run)),
        )

    def broken_seeds(self, metric: str) -> int:
        """How many seed runs logged the metric and ended with NaN or infinity."""
        bad = sum(not math.isfinite(value) for value in self.values.get(metric, ()))
        return bad - self.unlogged.get(metric, 0)


def as_number(value: Any) -> float | None:
    """A declared value as a number, if it is one. JSON writers spell NaN and infinity as strings."""
    if isinstance(value, str):
        value = {"nan": math.nan, "infinity": math.inf, "inf": math.inf}.get(value.lower().lstrip("+"), value)
        value = -math.inf if value in {"-Infinity", "-inf", "-infinity"} else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def final_value(run: RunRecord, metric: str) -> float | None:
    """The run's value of a metric: what it declares, else what it logged last; None if it has neither."""
    declared = as_number(run.summary.get(metric))
    if declared is not None:
        return declared
    logged = run.metrics.get(metric)
    return logged.last if logged is not None and logged.count else None


def _values(run: RunRecord) -> dict[str, float]:
    declared = {name: number for name, value in run.summary.items() if (number := as_number(value)) is not None}
    return {name: metric.last for name, metric in run.metrics.items() if metric.count} | declared


def _restated(run: RunRecord) -> Iterator[str]:
    for name, value in run.summary.items():
        number, metric = as_number(value), run.metrics.get(name)
        if number is None or metric is None or not metric.count:
            continue
        if number != metric.last and not (math.isnan(number) and math.isnan(metric.last)):
            yield name


def _identity(runs: Sequence[RunRecord]) -> str:
    """A run's own id, or one for exactly this set of runs, whatever their order."""
    return "+".join(sorted({run.id for run in runs}))


def _title(runs: Sequence[RunRecord]) -> str:
    names = list(dict.fromkeys(run.name or run.path or run.id for run in runs))
    group = runs[0].group
    if len(names) > 1 and group and all(run.group == group for run in runs):
        return group
    return names[0] if len(names) == 1 else f"{names[0]} and {len(runs) - 1} more"


def _seeds(runs: Sequence[RunRecord]) -> tuple[str, ...] | None:
    found = [_seed(run.params) for run in runs]
    seeds = tuple(seed for seed in found if seed is not None)
    return seeds if len(set(seeds)) == len(runs) else None


def _seed(params: Mapping[str, Any]) -> str | None:
    for name, value in params.items():
        if name.replace("/", ".").rpartition(".")[2].lower() in {"seed", "random_seed"} and value is not None:
            return str(value)
    return None


def _agreed(evaluations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the seed runs say about their evaluation; where they disagree, all they say, so that it differs
    from any one thing the other side may say."""
    agreed: dict[str, Any] = {}
    for evaluation in evaluations:
        for key, value in evaluation.items():
            said = agreed.setdefault(key, value)
            if str(value) != str(said) and str(value) not in str(said).split(" and "):
                agreed[key] = f"{said} and {value}"
    return agreed


def _examples(counts: Sequence[Any]) -> int | None:
    """The smallest number of evaluated examples, if every run says one."""
    return min(counts) if all(map(_is_count, counts)) else None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_ACCELERATOR = ("accelerator", "gpu", "gpu_name", "gpu_type", "gpus")
_COUNTS = ("gpus", "gpu_count", "accelerator_count", "num_gpus", "device_count", "world_size", "nodes", "node_count")
_MORE_MEMORY = 1.1  # machines of one kind report a few per cent more or less


def new_infrastructure(baseline: Side | None, candidate: Side) -> tuple[str, ...]:
    """What the candidate needs that the baseline did not, each as a clause. Hardware counts where both
    environments say it; what the candidate declares counts even alone."""
    known = set(baseline.infra) if baseline else set()
    found = [f"it declares that it needs {need}" for need in candidate.infra if need not in known]
    if baseline is None or not baseline.environment:
        return tuple(found)
    before, now = _hardware(baseline.environment), _hardware(candidate.environment)
    for name in _ACCELERATOR:
        if name in now and name in before and _named(now[name]).keys() - _named(before[name]).keys():
            found.append(f"it ran on {_spoken(now[name])}, the baseline on {_spoken(before[name]) or 'none'}")
            break
    for name, value in now.items():
        more = as_number(value), as_number(before.get(name))
        if not (more[0] and more[1] is not None):
            continue
        if (name in _COUNTS and more[0] > more[1]) or ("memory" in name and more[0] > more[1] * _MORE_MEMORY):
            found.append(f"its {name.replace('_', ' ')} is {more[0]:g}, the baseline's {more[1]:g}")
    return tuple(found)


def _hardware(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The environment with its `hardware` table and one level of others laid flat ("memory_total")."""
    inner = environment.get("hardware")
    flat: dict[str, Any] = {}
    for name, value in (*environment.items(), *(inner.items() if isinstance(inner, Mapping) else ())):
        if isinstance(value, Mapping) and name != "hardware":
            flat |= {f"{name}_{key}".lower(): part for key, part in value.items()}
        else:
            flat[str(name).lower()] = value
    return flat


def _named(accelerator: Any) -> dict[str, str]:
    """Accelerator models, lower case to as written. A bare number is a count, not a model."""
    entries = accelerator if isinstance(accelerator, list | tuple) else [accelerator]
    names = [str(entry.get("name", "")) if isinstance(entry, Mapping) else str(entry or "") for entry in entries]
    models = {name.strip().lower(): name.strip() for name in names}
    return {key: name for key, name in models.items() if key not in {"", "none", "cpu"} and not key.isdigit()}


def _spoken(accelerator: Any) -> str:
    return ", ".join(sorted(_named(accelerator).values()))
