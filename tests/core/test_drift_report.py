"""The report as a value: strict JSON, the agreed keys, and a package that costs nothing to import."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from exptui.drift import ColumnDrift, DriftReport, SchemaFinding, Table, compare_tables
from exptui.drift.report import p_words

KEYS = {
    "column", "type", "verdict", "strong", "effect", "statistic", "p", "q", "direction", "n_reference",
    "n_current", "missing_reference", "missing_current", "note",
}  # fmt: skip


def mixed_report():
    rng = np.random.default_rng(1)
    rows = 60
    reference = {
        "value": rng.normal(size=rows), "gone": rng.normal(size=rows), "class": ["a", "b", "c"] * 20,
        "id": np.arange(rows), "empty": [None] * rows, "inf": rng.normal(size=rows), "few": [1.0, 2.0] + [None] * 58,
    }  # fmt: skip
    current = {**reference, "value": rng.normal(3, size=rows), "inf": np.full(rows, np.inf)}
    del current["gone"]
    return compare_tables(Table.of("old.csv", reference), Table.of("new.csv", current))


def test_the_document_is_strict_json_with_the_agreed_keys():
    document = json.loads(json.dumps(mixed_report().as_json(), allow_nan=False))
    assert document["schema"] == 1
    assert document["verdict"] == "drift"
    assert (document["reference"], document["current"]) == ("old.csv", "new.csv")
    assert {"column": "gone", "what": "the column is missing"} in document["schema_findings"]
    verdicts = {"drift", "minor", "unclear", "stable", "too_few", "invalid", "skipped"}
    for column in document["columns"]:
        assert set(column) >= KEYS
        assert column["verdict"] in verdicts
        assert column["direction"] in ("up", "down", None)
        assert isinstance(column["strong"], bool)


def test_statistic_is_d_for_numbers_and_chi_square_for_categories():
    rng = np.random.default_rng(2)
    report = compare_tables(
        Table.of("a", {"n": rng.normal(size=90), "c": ["a"] * 60 + ["b"] * 30}),
        Table.of("b", {"n": rng.normal(size=90), "c": ["a"] * 30 + ["b"] * 60}),
    )
    columns = {c["column"]: c for c in report.as_json()["columns"]}
    assert columns["n"]["statistic"] == columns["n"]["effect"]
    assert columns["c"]["statistic"] == pytest.approx(20.0)  # 4 cells, (15^2)/45 each
    assert columns["c"]["effect"] == pytest.approx(1 / 3)


def test_numbers_that_are_not_finite_become_null():
    column = ColumnDrift(column="x", type="numeric", verdict="invalid", p=float("nan"), effect=float("inf"))
    document = DriftReport("unclear", (column,), (), "a", "b").as_json()
    assert document["columns"][0]["p"] is None
    json.dumps(document, allow_nan=False)


def test_a_p_that_is_no_number_makes_the_column_invalid_and_the_data_set_unclear(monkeypatch):
    monkeypatch.setattr("exptui.drift.two_sample.limit_p", lambda gap: float("nan"))
    monkeypatch.setattr("exptui.drift.two_sample.log10_p", lambda gap, p: float("nan"))
    rng = np.random.default_rng(3)
    table = Table.of("a", {"x": rng.normal(size=600), "y": [1.0, 2.0] * 300})
    other = Table.of("b", {"x": rng.normal(2, size=600), "y": [1.0, 2.0] * 300})
    report = compare_tables(table, other)
    assert [c.verdict for c in report.columns] == ["invalid", "stable"]
    assert report.columns[0].q is None
    assert report.verdict == "unclear"


def column(name, verdict):
    return ColumnDrift(column=name, type="numeric", verdict=verdict)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["drift", "minor", "minor", *["stable"] * 17], "20 columns: 1 drift, 2 minor, 0 unclear"),
        (["unclear"], "1 column: 0 drift, 0 minor, 1 unclear"),
        (
            ["skipped", "too_few", "invalid"],
            "3 columns: 0 drift, 0 minor, 0 unclear, 1 invalid, 1 with too few values, 1 skipped",
        ),
    ],
)
def test_the_headline_counts_in_plain_words(verdicts, words):
    columns = tuple(column(str(i), verdict) for i, verdict in enumerate(verdicts))
    assert DriftReport("drift", columns, (), "a", "b").headline() == words


def test_identical_files_say_so():
    report = DriftReport("identical", (), (), "a", "b")
    assert "identical" in report.headline()
    assert report.as_json()["columns"] == []


def test_tiny_p_values_are_not_printed_to_digits_that_mean_nothing():
    assert p_words(1e-15) == "<1e-12"
    assert p_words(0.0) == "<1e-12"
    assert p_words(0.0123) == "0.012"
    assert p_words(None) == p_words(float("nan")) == "-"


def test_reports_are_values_that_cannot_be_changed():
    with pytest.raises(AttributeError):
        SchemaFinding("x", "gone").what = "here"


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.strip()


def test_importing_the_package_loads_neither_numpy_nor_scipy():
    code = "import sys, exptui.drift, exptui.drift.report; print('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert python(code) == "False"


def test_comparing_never_loads_scipy_stats():
    code = (
        "import sys; from exptui.drift import *; "
        "t = Table.of('a', {'x': [1.5, 2.5] * 40, 'y': [i / 7 for i in range(80)], 'z': [None, 1.0] * 40}); "
        "compare_tables(t, Table.of('b', {'x': [1.5] * 79 + [2.5], 'y': [i / 6 for i in range(80)], 'z': [2.0] * 80}));"
        "print('scipy.special' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    assert python(code) == "True False"


def test_unknown_names_of_the_package_are_attribute_errors():
    import exptui.drift

    with pytest.raises(AttributeError, match="nothing_here"):
        _ = exptui.drift.nothing_here
