"""`exptui list` and `exptui show`: what scripts may rely on, and what people read."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

import exptui
from exptui_tui.cli import main
from tui.recorded import begin, exptui_, record, three

NUMBER = (int, float)
RUN_TYPES: dict[str, tuple[type, ...]] = {
    "id": (str,), "name": (str,), "format": (str,), "path": (str,), "status": (str,), "status_evidence": (str,),
    "params": (dict,), "tags": (list,), "notes": (str,), "hypothesis": (str, type(None)), "group": (str, type(None)),
    "parent": (str, type(None)), "created": (*NUMBER, type(None)), "updated": (*NUMBER, type(None)),
    "metrics": (dict,), "problems": (list,),
}  # fmt: skip
METRIC_KEYS = {"count", "last", "last_step", "first_step", "min", "min_step", "max", "max_step", "nan", "inf"}


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no strict JSON")


def printed(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert main([str(one) for one in arguments]) == code
    found = capsys.readouterr()
    assert found.err == ""
    return found.out


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    return json.loads(printed(capsys, *arguments), parse_constant=refuse)


def test_list_prints_one_strict_document_with_every_promised_key(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = record(root, "parent")
    record(
        root, "full", {"loss": [3.0, float("nan"), 1.0, float("inf")]}, params={"lr": float("inf"), "deep": {"a": [1]}},
        tags=["x", "y"], notes="note", hypothesis="it learns", group="g", parent=parent,
    )  # fmt: skip
    found = document(capsys, "list", root, "--json")
    assert (found["schema"], found["root"]) == (1, str(root))
    assert len(found["runs"]) == 2
    for run in found["runs"]:
        for key, types in RUN_TYPES.items():
            assert isinstance(run[key], types), (key, run[key])
    full = next(run for run in found["runs"] if run["name"] == "full")
    assert full["path"] == full["id"], "the run's directory, below the root"
    assert (full["format"], full["status"]) == ("native", "finished")
    assert (full["tags"], full["notes"], full["hypothesis"]) == (["x", "y"], "note", "it learns")
    assert (full["group"], full["parent"]) == ("g", parent)
    assert full["params"]["lr"] == "Infinity"
    assert abs(full["created"] - full["updated"]) < 60
    loss = full["metrics"]["loss"]
    assert set(loss) == METRIC_KEYS
    assert loss == {
        "count": 4, "last": "Infinity", "last_step": 3, "first_step": 0, "min": 1.0, "min_step": 2, "max": 3.0,
        "max_step": 0, "nan": 1, "inf": 1,
    }  # fmt: skip


def test_problems_say_where_and_what(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = exptui.init(root, name="torn")
    run.log({"a": 1.0})
    run.finish()
    with (root / run.id / "metrics.jsonl").open("ab") as file:
        file.write(b"{broken}\n")
    (problem,) = document(capsys, "list", root, "--json")["runs"][0]["problems"]
    assert set(problem) == {"path", "offset", "what"}
    assert problem["path"] == f"{run.id}/metrics.jsonl"
    assert isinstance(problem["offset"], int)
    assert problem["what"]


def test_csv_has_a_row_a_run_and_no_formula(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(root, "=HYPERLINK(1)", {"loss": [-1.5]}, params={"+cmd": "@SUM(1)", "n": -3}, tags=["-x"])
    record(root, "plain", {"acc": [float("nan")]})
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "list", root, "--csv"))))
    assert len(rows) == 2
    evil = next(row for row in rows if "HYPER" in row["name"])
    plain = next(row for row in rows if row["name"] == "plain")
    assert evil["name"] == "'=HYPERLINK(1)"
    assert evil["tags"] == "'-x"
    assert evil["param:+cmd"] == "'@SUM(1)"
    assert (evil["loss"], evil["param:n"], evil["acc"]) == ("-1.5", "-3", "")
    assert plain["acc"] == "NaN"


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name", ["base", "better", "broken"]), ("-name", ["broken", "better", "base"]),
        ("val/f1", ["better", "base", "broken"]), ("-val/f1", ["broken", "base", "better"]),
        ("train/loss", ["better", "base", "broken"]), ("-train/loss", ["base", "better", "broken"]),
        ("metric", ["better", "base", "broken"]), ("age", ["broken", "better", "base"]),
        ("state", ["broken", "base", "better"]),
    ],
)  # fmt: skip
def test_sort_orders_by_anything_and_puts_what_has_no_value_last(
    root: Path, capsys: pytest.CaptureFixture[str], key: str, names: list[str]
) -> None:
    ids = three(root)
    for at, name in enumerate(("base", "better", "broken")):
        path = root / ids[name] / "run.json"
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"created_at": f"2026-01-01T00:00:0{at}+00:00"}))
    assert [run["name"] for run in document(capsys, "list", root, "--sort", key, "--json")["runs"]] == names


def test_the_table_shows_the_metric_it_is_sorted_by(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three(root)
    head = printed(capsys, "list", root, "--sort", "latency_ms").splitlines()[0]
    assert head.split()[4] == "latency_ms"


def test_an_unknown_sort_key_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three(root)
    assert main(["list", str(root), "--sort", "nope"]) == 2
    assert "nope" in capsys.readouterr().err


def test_show_finds_a_run_by_id_prefix_name_and_path(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = record(root, "wanted", {"loss": [0.5]}, params={"lr": 3e-5})
    other = record(root, "other")
    length = next(at for at in range(1, len(wanted)) if not other.startswith(wanted[:at]))
    for word in (wanted, wanted[:length], "wanted"):
        found = document(capsys, "show", word, "--runs", root, "--json")
        assert (found["schema"], found["id"], found["name"]) == (1, wanted, "wanted")
    shown = printed(capsys, "show", "wanted", "--runs", root)
    for word in ("wanted", "finished", "lr", "3e-05", "loss", "0.5000", wanted):
        assert word in shown


def test_series_has_every_point_in_file_order(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = exptui.init(root, name="long")
    for step, value in ((0, 1.0), (1_234_567, float("nan")), (5, 0.1), (5, 0.2), (0.5, float("-inf"))):
        run.log({"loss": value}, step=step)
    run.finish()
    found = document(capsys, "show", "long", "--runs", root, "--series", "--json")["series"]["loss"]
    assert found["step"] == [0, 1234567, 5, 5, 0.5]
    assert found["value"] == [1.0, "NaN", 0.1, 0.2, "-Infinity"]
    assert len(found["time"]) == 5
    lines = printed(capsys, "show", "long", "--runs", root, "--series").splitlines()
    points = [line.split() for line in lines[-5:]]
    assert [(float(step), value) for step, value in points] == [
        (0, "1.0"), (1234567, "nan"), (5, "0.1"), (5, "0.2"), (0.5, "-inf")
    ]  # fmt: skip


def test_a_name_that_two_runs_bear_is_refused_with_their_ids(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [record(root, "twin"), record(root, "twin")]
    assert main(["show", "twin", "--runs", str(root)]) == 2
    said = capsys.readouterr().err
    assert all(one in said for one in ids)
    assert len(said.splitlines()) == 1


def test_an_unknown_name_gets_the_nearest_ones(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = record(root, "bert-base")
    record(root, "something-else")
    assert main(["show", "bert-bose", "--runs", str(root)]) == 2
    assert f"nearest: {wanted} (bert-base)" in capsys.readouterr().err


def test_a_run_that_goes_on_is_running(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begin(root, "live", {"loss": [1.0]})
    (found,) = document(capsys, "list", root, "--json")["runs"]
    run.finish()
    assert found["status"] == "running"
    assert str(os.getpid()) in found["status_evidence"]


def test_names_that_are_no_unicode_are_listed(root: Path) -> None:
    folder = os.fsencode(root) + b"/odd\xff\xfe"
    os.mkdir(folder)
    with open(folder + b"/run.json", "wb") as file:
        file.write(
            b'{"schema": "exptui/1", "status": "finished", "name": "sur\\ud800rogate", "params": {"a": "\\udfff"}}'
        )
    with open(folder + b"/metrics.jsonl", "wb") as file:
        file.write(b'{"step": 0, "loss": 1.0}\n')
    for flags in ([], ["--json"], ["--csv"]):
        found = exptui_("list", root, *flags)
        assert (found.returncode, found.stderr) == (0, ""), flags
        assert "rogate" in found.stdout
