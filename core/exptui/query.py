"""Which runs to show: `loss<0.3 and (tag:sweep or lr in 1e-4..1e-3) and not status:failed`.

    query  = either { "or" either }
    either = one { ["and"] one }
    one    = "not" one | "(" query ")" | key op value | key "in" low..high | key ":" value | word
    op     = "<" "<=" ">" ">=" "=" "!=" "~" (contains)

A key is one of FIELDS, else a metric (its final value), else a param. A bare word is looked for in name, id, state,
format and tags. Words with blanks or signs in them stand in quotes. An age is written 90s, 15m, 3h or 2d.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any

from exptui.errors import ExptuiError
from exptui.records import RunRecord
from exptui.side import final_value

Predicate = Callable[[RunRecord], bool]

FIELDS = ("id", "name", "status", "format", "tag", "group", "parent", "hypothesis", "notes", "path", "age", "step")
"""Keys that are neither metrics nor params. `param:` or `metric:` before a name says which of the two is meant."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>[()]|<=|>=|!=|==|[<>=~])|(?P<word>[^\s()<>=~!"']+)|(?P<bad>.))""",
    re.VERBOSE,
)
_AGES = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_ORDERS: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_OPERATORS = ("<", "<=", ">", ">=", "=", "==", "!=", "~")


class QueryError(ExptuiError):
    """The query cannot be read; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool
    at: int

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.lower() in words


def parse(text: str, now: float | None = None) -> Predicate:
    """The query as a function of a run. Nothing but blanks matches every run. Raises QueryError."""
    tokens = _tokens(text)
    if not tokens:
        return lambda run: True
    parser = _Parser(tokens, text, time.time() if now is None else now)
    found = parser.either_or()
    parser.expect_end()
    return found


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text.rstrip()):
        at = match.start(match.lastgroup or 0)
        if match["bad"]:
            what = "a quote that does not end" if match["bad"] in "\"'" else repr(match["bad"])
            raise QueryError(f"query: {what} at position {at + 1}: {text!r}")
        if match["quoted"]:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", match["quoted"][1:-1]), True, at))
        else:
            tokens.append(_Token(match["sign"] or match["word"], False, at))
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token], text: str, now: float) -> None:
        self._tokens = tokens
        self._text = text
        self._now = now
        self._at = 0

    def either_or(self) -> Predicate:
        parts = [self._all_of()]
        while self._takes("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda run: any(part(run) for part in parts)

    def expect_end(self) -> None:
        token = self._peek()
        if token is not None:
            raise self._error(f"{token.text!r} is not expected", token)

    def _all_of(self) -> Predicate:
        parts = [self._one()]
        while (token := self._peek()) is not None and not token.is_word("or", ")"):
            self._takes("and")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda run: all(part(run) for part in parts)

    def _one(self) -> Predicate:
        token = self._next("a condition")
        if token.is_word("not"):
            inner = self._one()
            return lambda run: not inner(run)
        if token.is_word("("):
            inner = self.either_or()
            if not self._takes(")"):
                raise self._error("a closing parenthesis is missing", None)
            return inner
        if not token.quoted and (token.text in (*_OPERATORS, ")") or token.is_word("and", "or")):
            raise self._error(f"a condition is expected before {token.text!r}", token)
        return self._condition(token)

    def _condition(self, key: _Token) -> Predicate:
        following = self._peek()
        if following is not None and not following.quoted and following.text in _OPERATORS:
            self._at += 1
            value = self._next(f"a value after {following.text!r}")
            return _compared(key.text, following.text, value.text, self._now)
        if following is not None and following.is_word("in"):
            self._at += 1
            return self._range(key.text, self._next("a range such as 1e-4..1e-3"))
        name, colon, value_text = key.text.rpartition(":") if not key.quoted else ("", "", "")
        if colon and name:
            value_text = value_text or self._next(f"a value after {name}:").text
            return _compared(
                name, "~" if name in FIELDS and name not in ("age", "step") else "=", value_text, self._now
            )
        return _word(key.text)

    def _range(self, name: str, token: _Token) -> Predicate:
        low, dots, high = token.text.partition("..")
        bounds = [_number(part, self._now) if part else edge for part, edge in ((low, -math.inf), (high, math.inf))]
        if not dots or None in bounds:
            raise self._error(f"{token.text!r} is no range; write it low..high", token)
        least, most = bounds
        return lambda run: (value := _numeric(run, name, self._now)) is not None and least <= value <= most  # type: ignore[operator]

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, word: str) -> bool:
        token = self._peek()
        if token is not None and token.is_word(word):
            self._at += 1
            return True
        return False

    def _next(self, expected: str) -> _Token:
        token = self._peek()
        if token is None:
            raise self._error(f"{expected} is missing", None)
        self._at += 1
        return token

    def _error(self, what: str, token: _Token | None) -> QueryError:
        where = f"position {token.at + 1}" if token else "the end"
        return QueryError(f"query: {what} at {where}: {self._text!r}")


def _compared(name: str, operator: str, wanted: str, now: float) -> Predicate:
    number = _number(wanted, now)
    if operator in ("<", "<=", ">", ">="):
        if number is None:
            raise QueryError(f"query: {wanted!r} is no number to compare {name!r} with")
        holds = _ORDERS[operator]
        return lambda run: (value := _numeric(run, name, now)) is not None and holds(value, number)
    if operator == "~":
        return lambda run: any(wanted.lower() in text.lower() for text in _texts(run, name))
    equal = _equals(name, wanted, number, now)
    return equal if operator != "!=" else lambda run: not equal(run)


def _equals(name: str, wanted: str, number: float | None, now: float) -> Predicate:
    def holds(run: RunRecord) -> bool:
        value = _numeric(run, name, now)
        if number is not None and value is not None:
            return value == number or (math.isnan(value) and math.isnan(number))
        return any(text.lower() == wanted.lower() for text in _texts(run, name))

    return holds


def _word(word: str) -> Predicate:
    wanted = word.lower()
    return lambda run: wanted in " ".join((run.name, run.id, *_states(run), run.format, *run.tags)).lower()


def _states(run: RunRecord) -> tuple[str, ...]:
    """The state, and the shorter word that lists show for it."""
    return (run.status, "stopped") if run.status == "interrupted" else (run.status,)


def _number(text: str, now: float) -> float | None:
    """A number, or an age in seconds."""
    try:
        return float(text)
    except ValueError:
        pass
    unit = _AGES.get(text[-1:])
    try:
        return float(text[:-1]) * unit if unit else None
    except ValueError:
        return None


def _numeric(run: RunRecord, name: str, now: float) -> float | None:
    if name == "age":
        return None if run.updated is None else max(0.0, now - run.updated)
    if name == "step":
        return max((metric.last_step for metric in run.metrics.values()), default=None)
    value = _value(run, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _value(run: RunRecord, name: str) -> Any:
    """A metric's final value, else a param, nested ones by their dotted name."""
    if name.startswith("metric:"):
        return final_value(run, name.removeprefix("metric:"))
    if name.startswith("param:"):
        return _param(run, name.removeprefix("param:"))
    metric = final_value(run, name)
    return metric if metric is not None else _param(run, name)


def _param(run: RunRecord, name: str) -> Any:
    if name in run.params:
        return run.params[name]
    value: Any = run.params
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _texts(run: RunRecord, name: str) -> tuple[str, ...]:
    if name in ("tag", "tags"):
        return run.tags
    if name in ("state", "status"):
        return _states(run)
    is_text = name in FIELDS and name not in ("age", "step")
    value = getattr(run, name) if is_text else _value(run, name)
    return () if value is None else (str(value),)
