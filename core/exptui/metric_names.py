"""What a metric's name says: whether higher is better, what kind of metric it is, which split it is from.

The name is cut into words, words and phrases are looked up in `metric_words`, and the last match
decides: `loss_accuracy` is an accuracy, `accuracy_loss` a loss. A name that says nothing has direction 0; a
guess would turn a verdict upside down.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from exptui import metric_words as vocabulary
from exptui.metric_words import Direction as Direction
from exptui.metric_words import NameReading as NameReading
from exptui.metric_words import Role as Role

Split = Literal["eval", "train", ""]

_AT_SUFFIX = re.compile(r"@[A-Za-z]*=?[\d.:%eE+-]*")
_CAMEL = re.compile(r"(?<=[a-z][a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[0-9])(?=[A-Z][a-z])")
_GROUP_PREFIX = re.compile(r"^(?:hparams?|params|metrics|summary)[/.]", re.IGNORECASE)


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """The name's words in lower case: camelCase and punctuation are cut, "@k" is dropped.

    A single small letter before capitals stays with them (mAP, nDCG, mIoU are one word each).
    """
    name = _GROUP_PREFIX.sub("", name)
    name = re.sub(r"(?<![A-Za-z])R@", "recall@", re.sub(r"(?<![A-Za-z])P@", "precision@", name))
    name = re.sub(r"(?:^|(?<=/))(?:1 ?- ?|(?:1|one)[-_ ]minus[-_ ])", "one minus ", name)
    name = re.sub(r"(?<=[a-zA-Z])/s\b", " per s", _AT_SUFFIX.sub(" ", name))
    return tuple(re.findall(r"[^\W_]+", _CAMEL.sub(" ", name).lower()))


@lru_cache(maxsize=8192)
def read_name(name: str) -> NameReading:
    """Direction and role by the name alone; the rule in this module's first lines."""
    if name.startswith("_") or re.match(r"(?i)sys(tem)?[/.]", name):
        return vocabulary.DIAGNOSTIC  # a tracker's own counters (_step, _runtime) and machine monitoring
    words = words_of(name)
    for at in range(len(words)):
        for size in (3, 2):
            if found := vocabulary.FIXED.get(" ".join(words[at : at + size])):
                return found
    matches = list(_matches(words))
    if not matches:
        return vocabulary.UNKNOWN
    at, (_, reading) = max(matches, key=lambda match: (match[1].strength, match[0]))
    return _flipped(reading) if _negated(words, at, reading) else reading


class _Match(NamedTuple):
    strength: int
    reading: NameReading


def _matches(words: tuple[str, ...]) -> Iterator[tuple[int, _Match]]:
    """Where the tables match, left to right, the longest phrase first. What follows "per" or "at" only
    qualifies what stands before it (loss per token, fpr at 95 tpr)."""
    at, found = 0, False
    while at < len(words):
        size, match = _match(words, at)
        if match is not None:
            yield at, match
            found = True
        elif found and words[at] == "at":
            return
        elif found and words[at] == "per":
            size = 2
        at += size


def _match(words: tuple[str, ...], at: int) -> tuple[int, _Match | None]:
    if size := _throughput_at(words, at):
        return size, _Match(2, vocabulary.THROUGHPUT)
    for size in (3, 2, 1):
        phrase = words[at : at + size]
        if len(phrase) < size:
            continue
        for last in _forms(phrase[-1]):
            key = " ".join((*phrase[:-1], last))
            for strength, table in ((2, vocabulary.STRONG), (1, vocabulary.WEAK), (0, vocabulary.COUNTERS)):
                if key in table:
                    return size, _Match(strength, table[key])
            if key == "time" and _ends_as_duration(words, at):
                return 1, _Match(1, vocabulary.DURATION)
            if key == "time":
                return 1, _Match(0, vocabulary.DIAGNOSTIC)
    return 1, None


def _throughput_at(words: tuple[str, ...], at: int) -> int:
    """How many words "tokens per second", "samples s" or "it s" take here; 0 if none."""
    if words[at].removesuffix("s") not in vocabulary.UNITS_OF_WORK:
        return 0
    if words[at + 1 : at + 2] == ("per",) and words[at + 2 : at + 3] and words[at + 2] in vocabulary.PERIODS:
        return 3
    return 2 if words[at + 1 : at + 2] and words[at + 1] in vocabulary.SECONDS else 0


def _ends_as_duration(words: tuple[str, ...], at: int) -> bool:
    """`step_time` and `time_ms` are durations; in `time/iterations` the word names a group, and `time` alone
    is a clock."""
    return len(words) > 1 and all(word in vocabulary.TIME_UNITS for word in words[at + 1 :])


def _forms(word: str) -> Iterator[str]:
    """The word, then without trailing digits (rouge1, map50, fpr95), then without a plural s."""
    yield word
    if (bare := word.rstrip("0123456789")) and bare != word:
        yield bare
    if len(word) > 3 and word.endswith("s"):
        yield word[:-1]


def _negated(words: tuple[str, ...], at: int, reading: NameReading) -> bool:
    """neg_mean_squared_error is a negated error; neg_acc is the accuracy on negative examples."""
    before = at - 1
    while before >= 0 and words[before] in vocabulary.FILLERS:
        before -= 1
    if before >= 0 and words[before] in {"neg", "negative"}:
        return reading.direction == -1 and reading.role == "quality"
    return before >= 1 and words[before - 1 : before + 1] == ("one", "minus")


def _flipped(reading: NameReading) -> NameReading:
    flipped: Direction = 1 if reading.direction == -1 else -1
    return NameReading(flipped, reading.role, f"neg {reading.family}")


@lru_cache(maxsize=8192)
def split_of(name: str) -> Split:
    """Which split the name says it is from. `train/val_loss` is from evaluation: `train` is its group."""
    words = frozenset(word.rstrip("0123456789") for word in words_of(name))
    return "eval" if words & vocabulary.EVAL else "train" if words & vocabulary.TRAIN else ""


def train_metrics(names: Collection[str]) -> frozenset[str]:
    """Those measured on training examples. A name without a split is one of them if the same name with an
    evaluation split is there: Keras logs `loss` beside `val_loss`."""
    stems = {_stem(name) for name in names if split_of(name) == "eval"}
    return frozenset(
        name for name in names if split_of(name) == "train" or (split_of(name) == "" and words_of(name) in stems)
    )


def is_train_metric(name: str, among: Collection[str] = ()) -> bool:
    """Whether the metric is measured on training examples, as `train_metrics` tells from its name and others."""
    return name in train_metrics({name, *among})


def _stem(name: str) -> tuple[str, ...]:
    return tuple(word for word in words_of(name) if word.rstrip("0123456789") not in vocabulary.EVAL)


def primary_metric(names: Iterable[str], declared: Collection[str] = ()) -> str | None:
    """The metric that decides, out of quality metrics: evaluation before training, `declared` (a run gave
    them a goal) before others, then f1, accuracy, auc ... loss. None if there are no names."""
    names = list(names)
    train = train_metrics(names)

    def rank(name: str) -> tuple[bool, bool, bool, int, str]:
        family = read_name(name).family
        order = len(vocabulary.PREFERENCE) + (family in vocabulary.LAST_RESORT)
        return (
            name in train,
            name not in declared,
            split_of(name) != "eval",
            vocabulary.PREFERENCE.get(family, order),
            name,
        )

    return min(names, key=rank, default=None)


def is_proportion(name: str) -> bool:
    """Whether the metric counts successes among evaluated examples, so that n alone gives its standard error.
    For F1 that is an approximation."""
    family = read_name(name).family
    return family in vocabulary.PROPORTIONS or (
        family in {"error", "err"} and words_of(name)[-2:] in {("error", "rate"), ("err",)}
    )
