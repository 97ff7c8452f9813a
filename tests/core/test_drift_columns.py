"""What kind of column is it? Decided on the reference, checked against the current side."""

from __future__ import annotations

import numpy as np
import pytest

from exptui.drift import DriftSettings, Table, compare_tables
from exptui.drift.columns import pair
from exptui.drift.tables import column_of

RNG = np.random.default_rng(0)


def kind(reference, current=None, name="x", override=None):
    current = reference if current is None else current
    found = pair(name, column_of(reference), column_of(current), override)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RNG.normal(size=100), "numeric"),
        (RNG.poisson(100, size=500), "numeric"),
        (RNG.integers(0, 5, size=100), "discrete"),
        (np.arange(20.0).repeat(5), "discrete"),
        (np.arange(21.0).repeat(5), "numeric"),
        (np.array([True, False] * 20), "discrete"),
        (["red", "green"] * 20, "categorical"),
        (np.arange(100), "identifier"),
        (RNG.permutation(1000), "identifier"),
        (np.sort(RNG.integers(0, 2000, size=1000)), "identifier"),
        (np.sort(RNG.integers(18, 90, size=1000)), "numeric"),
        ([f"user-{i}" for i in range(50)], "identifier"),
        ([f"{i:064x}" for i in range(50)], "identifier"),
        (np.arange(50) + 2**60, "identifier"),
        ((np.arange(50) + 2**60).repeat(3), "categorical"),
        (np.array(["2024-01-01", "2024-02-01"] * 9, dtype="datetime64[s]"), "timestamp"),
        ([f"2024-01-{i:02d}T10:00:00Z" for i in range(1, 29)], "timestamp"),
        ([f"the quick brown fox number {i} jumps over the lazy dog" for i in range(30)], "text"),
    ],
    ids=[
        "floats are numeric",
        "counts with many values are numeric",
        "five integers are discrete",
        "twenty values are discrete",
        "twenty-one values are numeric",
        "booleans are discrete",
        "words are categorical",
        "a row number is an identifier",
        "shuffled distinct integers are an identifier",
        "ascending integers with few repeats are an identifier",
        "ages in a sorted file are numeric",
        "distinct words are an identifier",
        "long hashes are an identifier and no text",
        "huge distinct integers are an identifier",
        "huge repeated integers are categorical",
        "datetime64 is a timestamp",
        "ISO times are timestamps",
        "sentences are text",
    ],
)
def test_kinds(values, expected):
    assert kind(values) == expected


def test_seconds_since_the_epoch_are_a_timestamp_only_if_the_name_says_so():
    seconds = RNG.uniform(1.6e9, 1.7e9, size=100)
    assert kind(seconds, name="created_at") == "timestamp"
    assert kind(seconds * 1000, name="eventTime") == "timestamp"
    assert kind((seconds * 1e9).astype(np.int64).repeat(2), name="ts") == "timestamp"
    assert kind(seconds, name="income") == "numeric"
    assert kind(RNG.uniform(0, 9, size=100), name="time") == "numeric"


def test_a_timestamp_shows_its_range():
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    found = pair("day", column_of(days), column_of(days[:5]))
    assert found.why == "time: 2024-01-01 to 2024-01-28 against 2024-01-01 to 2024-01-05"


def test_an_identifier_that_repeats_on_the_current_side_is_compared():
    assert kind(np.arange(100), RNG.integers(0, 100, size=1000)) == "numeric"


def test_numbers_against_words_are_of_different_types():
    assert kind(np.arange(9), list("abcdefghi")) is None


def test_integers_against_floats_are_the_same_type():
    assert kind(RNG.integers(0, 500, size=200), RNG.normal(250, 90, size=200)) == "numeric"


def test_true_and_false_may_be_spelled_differently():
    report = compare_tables(
        Table.of("a", {"flag": ["True", "False"] * 50}), Table.of("b", {"flag": np.array([True, False] * 50)})
    )
    assert (report.columns[0].verdict, report.columns[0].effect) == ("stable", 0.0)


def test_numbers_as_categories_keep_whole_numbers_whole():
    found = pair("x", column_of([1.0, 2.0, 2.5]), column_of([1, 2, 3]), "categorical")
    assert found.reference.names == ("1", "2", "2.5")


SENTENCES = [
    " ".join(RNG.choice(["alpha", "beta", "gamma", "delta", "epsilon"], size=RNG.integers(8, 14))) for _ in range(400)
]


def texts(reference, current):
    report = compare_tables(Table.of("a", {"t": reference}), Table.of("b", {"t": current}), DriftSettings())
    return {column.column: column for column in report.columns}


def test_the_same_kind_of_text_does_not_drift():
    columns = texts(SENTENCES[:200], SENTENCES[200:])
    assert set(columns) == {"t: length", "t: words", "t: non-ASCII share", "t: unseen words share"}
    assert {column.verdict for column in columns.values()} <= {"stable", "unclear"}
    assert columns["t: unseen words share"].effect == 0.0


def test_words_that_occur_only_once_anywhere_are_no_drift():
    unique = [f"{sentence} {i:x}{i:x} {i:o}z" for i, sentence in enumerate(SENTENCES)]
    column = texts(unique[:200], unique[200:])["t: unseen words share"]
    assert column.effect < 0.25
    assert column.verdict != "drift"


def test_text_with_new_words_drifts_in_its_vocabulary():
    columns = texts(SENTENCES[:200], [s.replace("beta", "omega") for s in SENTENCES[200:]])
    assert columns["t: unseen words share"].verdict == "drift"


def test_text_in_another_script_drifts_in_its_letters():
    columns = texts(SENTENCES[:200], [s.replace("a", "ä") for s in SENTENCES[200:]])
    assert columns["t: non-ASCII share"].verdict == "drift"


def test_missing_texts_are_tested_once():
    columns = texts(SENTENCES[:200], [None if i % 2 else s for i, s in enumerate(SENTENCES[200:])])
    assert columns["t: length"].verdict == "drift"
    assert [name for name, c in columns.items() if c.missing_p is not None] == ["t: length"]


@pytest.mark.parametrize(
    "values", [[None] * 30, [float("nan")] * 30, np.full(30, np.nan)], ids=["None", "NaN", "a NaN array"]
)
def test_a_column_without_values_on_either_side_is_skipped_and_never_called_stable(values):
    report = compare_tables(Table.of("a", {"x": values}), Table.of("b", {"x": values}))
    assert (report.columns[0].verdict, report.verdict) == ("skipped", "unclear")


def test_only_infinite_values_are_too_few_to_compare():
    report = compare_tables(Table.of("a", {"x": [1.5] * 30}), Table.of("b", {"x": [float("inf")] * 30}))
    assert report.verdict == "drift"  # nothing finite is left: as many values gone as with NaN
    assert "30 infinite values" in report.columns[0].note


def test_an_unseen_label_in_a_side_of_pure_missing_values_is_no_crash():
    report = compare_tables(Table.of("a", {"x": ["a", "b", None] * 30}), Table.of("b", {"x": [None] * 89 + ["z"]}))
    assert report.verdict == "drift"
