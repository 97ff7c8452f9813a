"""What a training declares about its run, brought into the form that run.json has, whatever was passed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import islice

from exptui.losses import Losses, words
from exptui.rundir import ENDINGS

DIRECTIONS = ("min", "max")
LONGEST_MESSAGE = 1000
MOST_TEXTS = 1000

_SYNONYMS = {"interrupted": "killed", "crashed": "failed"}


def facts(losses: Losses, **told: object) -> dict[str, object]:
    """The declared facts of a run, without those that are empty; what cannot be used is warned about."""
    found: dict[str, object] = {}
    for key, value in told.items():
        try:
            found[key] = _FORMS.get(key, _text)(value)
            if key == "goals" and len(_mapping(value)) > len(_mapping(found[key])):
                losses.say("goals", 'a goal other than "min" and "max" is not recorded')
        except Exception as error:
            losses.say(f"declared {key}", f"{key} is not recorded: {words(error)}")
    if found.get("data"):
        found["data_base"] = _working_directory()
    always = {"params": found.get("params") or {}, "tags": found.get("tags") or []}
    return {**{key: value for key, value in found.items() if value}, **always}


def ending(status: object, losses: Losses) -> str:
    """`status` as run.json knows it. An unknown word counts as "failed": a doubtful run is not a good one."""
    if type(status) is str:  # not isinstance(): an odd object's own methods may raise, and the end must be written
        status = _SYNONYMS.get(status, status)
        if status in ENDINGS:
            return status
    losses.say("ending", f'an ending other than {", ".join(ENDINGS)} counts as "failed"')
    return "failed"


def failure(error: BaseException | None) -> dict[str, object] | None:
    """What run.json says of the exception that ended a run; None for an ordinary end."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return None
    try:
        message = str(error)[:LONGEST_MESSAGE]
    except Exception:  # its own __str__ may raise
        message = ""
    return {"type": type(error).__name__, "message": message}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [str(value)]
    return [str(each) for each in islice(value, MOST_TEXTS)]


def _mapping(value: object) -> Mapping[object, object]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:  # vars() would miss a dataclass with slots
        return {name: getattr(value, name) for name in fields if hasattr(value, name)}
    return {name: each for name, each in vars(value).items() if not name.startswith("_")}


def _data(value: object) -> Mapping[object, object]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    if isinstance(value, (str, os.PathLike)):
        return {"current": os.fspath(value)}
    raise TypeError(f"data is a path or a mapping, not {type(value).__name__}")


def _goals(value: object) -> Mapping[object, object]:
    goals = _mapping(value)
    return {metric: goals[metric] for metric in goals if goals[metric] in DIRECTIONS}


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


_FORMS = {
    "params": _mapping,
    "tags": _texts,
    "data": _data,
    "goals": _goals,
    "evaluation": _mapping,
    "requires_infra": _texts,
}
