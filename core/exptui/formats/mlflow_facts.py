"""What MLflow knows about a run besides its metrics, alike in its files and in its database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exptui.formats.rows import as_number
from exptui.records import RunFacts, Signs, Status

_STATUS_NAMES = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}

_ENDS: dict[str, Status] = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "interrupted"}

_ENVIRONMENT = {
    "mlflow.source.git.commit": "git.commit",
    "mlflow.source.git.branch": "git.branch",
    "mlflow.source.git.repoURL": "git.repo",
    "mlflow.source.name": "source",
    "mlflow.source.type": "source.type",
    "mlflow.project.entryPoint": "entry_point",
    "mlflow.docker.image.name": "docker.image",
    "mlflow.user": "user",
}

_OWN = "mlflow."
"""The prefix of the tags that MLflow sets; the others are the user's."""


def facts_of(
    run: Mapping[str, Any], params: Mapping[str, str], tags: Mapping[str, str], experiment: str | None
) -> RunFacts:
    """The facts from a run's fields (those of meta.yaml, or of a row), its params and its tags."""
    environment = {short: tags[long] for long, short in _ENVIRONMENT.items() if tags.get(long)}
    user = run.get("user_id")
    if isinstance(user, str) and user:
        environment.setdefault("user", user)
    return RunFacts(
        tracker_id=_text(run.get("run_id")) or _text(run.get("run_uuid")),
        name=_text(run.get("run_name")) or _text(run.get("name")) or tags.get("mlflow.runName") or "",
        params=dict(params),
        tags=tuple(f"{key}={value}" if value else key for key, value in tags.items() if not key.startswith(_OWN)),
        notes=tags.get("mlflow.note.content", ""),
        hypothesis=tags.get("hypothesis") or None,
        group=experiment or None,
        parent=tags.get("mlflow.parentRunId") or None,
        created=seconds(run.get("start_time")),
        environment=environment,
    )


def signs_of(run: Mapping[str, Any], where: str) -> Signs:
    """The end that the run's status tells. A run whose process was killed is RUNNING for ever."""
    name = str(run.get("status"))
    name = _STATUS_NAMES.get(name, name)
    return Signs(end=_ENDS.get(name), end_said=f"{where} says {name}" if run.get("status") is not None else "")


def seconds(milliseconds: object) -> float | None:
    number = as_number(milliseconds)
    return number / 1000.0 if number is not None and 0 < number < 1e14 else None


def _text(value: object) -> str | None:
    """Text, also where YAML took it for a number, as it does with a run that is called 7."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
