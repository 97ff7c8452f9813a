"""Reading comma- and tab-separated values and JSON lines: what is tolerated, and what is refused with a name."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest

from exptui.drift import compare_files, read_table
from exptui.drift.building import BLOCK, MAX_LINE
from exptui.drift.tables import Labels, Numbers
from exptui.errors import DataFileError


def read(tmp_path, content, name="data.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def words(column):
    assert isinstance(column, Labels)
    return [column.names[code] if code >= 0 else None for code in column.codes]


def numbers(column):
    assert isinstance(column, Numbers)
    return [None if math.isnan(v) else v for v in column.values]


def test_numbers_words_and_missing_values(tmp_path):
    table = read(tmp_path, "a,b,c\n1,x,2.5\n,NA,nan\n3, y ,null\nNaN,,-1e3\n")
    assert numbers(table.columns["a"]) == [1, None, 3, None]
    assert table.columns["a"].integer
    assert words(table.columns["b"]) == ["x", None, "y", None]
    assert numbers(table.columns["c"]) == [2.5, None, None, -1000]
    assert not table.columns["c"].integer


def test_a_plain_table_of_numbers(tmp_path):
    table = read(tmp_path, "a,b\n1,2.5\n3,inf\n-4,nan\n")
    assert numbers(table.columns["a"]) == [1, 3, -4]
    assert numbers(table.columns["b"]) == [2.5, math.inf, None]
    assert (table.columns["a"].integer, table.columns["b"].integer) == (True, False)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,x\n2,y\n",
        "\ufeffa,b\n1,x\n2,y\n",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\n1,x\n2,y",
        'a,"b"\n"1","x"\n2,y\n',
        "a,b\n1,x\n\n2,y\n\n",
        " a , b\n 1 , x \n2, y\n",
    ],
    ids=["plain", "byte order mark", "CRLF", "no last newline", "quotes", "blank lines", "spaces"],
)
def test_spellings_of_the_same_table(tmp_path, content):
    table = read(tmp_path, content)
    assert list(table.columns) == ["a", "b"]
    assert numbers(table.columns["a"]) == [1, 2]
    assert words(table.columns["b"]) == ["x", "y"]


def test_tabs_separate_a_tsv(tmp_path):
    assert numbers(read(tmp_path, "a\tb,c\n1\t2\n", "data.tsv").columns["b,c"]) == [2]


def test_quoted_cells_may_hold_separators_quotes_and_line_ends(tmp_path):
    table = read(tmp_path, 'a,b\n"x,y","say ""hi""\nthere"\n')
    assert (words(table.columns["a"]), words(table.columns["b"])) == (["x,y"], ['say "hi"\nthere'])


def test_one_word_far_down_makes_the_whole_column_words(tmp_path):
    rows = [f"{i:03d},{i}" for i in range(BLOCK + 10)] + ["oops,1"]
    table = read(tmp_path, "a,b\n" + "\n".join(rows) + "\n")
    got = words(table.columns["a"])
    assert (got[0], got[7], got[-1]) == ("000", "007", "oops")
    assert isinstance(table.columns["b"], Numbers)
    assert table.rows == BLOCK + 11


def test_missing_values_before_the_first_word_stay_missing(tmp_path):
    rows = [",1"] * (BLOCK + 3) + ["word,1"]
    got = words(read(tmp_path, "a,b\n" + "\n".join(rows) + "\n").columns["a"])
    assert got == [None] * (BLOCK + 3) + ["word"]


@pytest.mark.parametrize("cell", ["1_000", "١٢", "0x10", "1+2j", "12abc", str(2**60 + 1)])
def test_what_only_looks_like_a_number_is_a_word(tmp_path, cell):
    assert words(read(tmp_path, f"a,b\n{cell},1\n").columns["a"]) == [cell]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("a,b\n", "no rows below the header"),
        ("a,b\n\n\n", "no rows below the header"),
        ("a,b\n1,2\n3\n", "row 2: 1 cells where the header has 2"),
        ("a,b\n1,2\n3,4,5\n", "row 2: 3 cells where the header has 2"),
        ("a,a\n1,2\n", "more than one column is called 'a'"),
        ("0.5,0.7\n0.1,0.2\n", "first row holds numbers"),
        (b"a,b\n1,x\n2,caf\xe9\n", "row 3: not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ('a,b\n1,"open\n2,3\n', "near line"),
        ("a\n" + "x" * (MAX_LINE + (1 << 18)) + "\n", "row 2: longer than"),
        (",".join(f"c{i}" for i in range(2001)) + "\n" + ",".join("1" * 2001) + "\n", "2,001 columns"),
    ],
    ids=[
        "empty file", "header only", "header and blank lines", "short row", "long row", "one name twice",
        "no header", "wrong encoding", "UTF-16", "open quote", "endless line", "too many columns",
    ],
)  # fmt: skip
def test_damage_is_refused_by_file_and_place(tmp_path, content, says):
    with pytest.raises(DataFileError) as error:
        read(tmp_path, content)
    assert says in str(error.value)
    assert str(tmp_path / "data.csv") in str(error.value)


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("exptui.drift.tables.MAX_ROWS", 10)
    with pytest.raises(DataFileError, match="more than 10 rows"):
        read(tmp_path, "a,b\n" + "1,x\n" * 11)
    with pytest.raises(DataFileError, match="more than 10 rows"):
        read(tmp_path, "a,b\n" + "1,2\n" * 11)


def test_json_objects_are_flattened_one_level(tmp_path):
    rows = [
        {"loss": 1.5, "user": {"age": 30, "tags": ["a"]}, "ok": True},
        {"loss": None, "user": {"age": 31}, "new": "x"},
        {"loss": 2, "ok": False},
    ]
    table = read(tmp_path, "\n".join(map(json.dumps, rows)) + "\n\n", "data.jsonl")
    assert numbers(table.columns["loss"]) == [1.5, None, 2]
    assert numbers(table.columns["user.age"]) == [30, 31, None]
    assert words(table.columns["user.tags"]) == ['["a"]', None, None]
    assert words(table.columns["ok"]) == ["true", None, "false"]
    assert words(table.columns["new"]) == [None, "x", None]


def test_a_key_that_appears_late_and_a_word_that_appears_late(tmp_path):
    rows = [{"n": i} for i in range(BLOCK + 5)] + [{"n": "seven", "late": 1}]
    table = read(tmp_path, "\n".join(map(json.dumps, rows)), "data.ndjson")
    assert words(table.columns["n"])[:2] + words(table.columns["n"])[-1:] == ["0", "1", "seven"]
    late = numbers(table.columns["late"])
    assert (late.count(None), late[-1]) == (BLOCK + 5, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ('{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ('{"a": 1}\n[1, 2]\n', "line 2: not a JSON object"),
        ("[" * 100_000 + "\n", "line 1: not JSON"),
        ('{"a": ' + "9" * 5000 + "}\n", "line 1: not JSON"),
        ('{"a": 1}\n{"a": "\xe9"}\n'.encode("latin-1"), "row 2: not UTF-8"),
    ],
    ids=["empty", "blank", "cut short", "no object", "deep nesting", "endless integer", "wrong encoding"],
)
def test_damaged_json_lines_are_refused_by_line(tmp_path, content, says):
    with pytest.raises(DataFileError) as error:
        read(tmp_path, content, "data.jsonl")
    assert says in str(error.value)


def test_a_pipe_is_refused_at_once_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "data.csv")
    with pytest.raises(DataFileError, match="not a regular file"):
        read_table(tmp_path / "data.csv")


@pytest.mark.parametrize("name", ["data.xlsx", "data", "data.sketch.npz", "missing.csv", "dir.csv", "bad\0.csv"])
def test_what_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(DataFileError, match=name.partition("\0")[0]):
        read_table(tmp_path / name)


def test_equal_bytes_are_identical_without_a_test_even_if_they_are_no_table(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1\n")
    (tmp_path / "b.csv").write_text("a,b\n1\n")
    report = compare_files(tmp_path / "a.csv", tmp_path / "b.csv")
    assert (report.verdict, report.columns) == ("identical", ())


def test_files_of_different_formats_are_compared_by_content(tmp_path):
    values = np.random.default_rng(0).normal(size=200)
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(map(repr, values.tolist())) + "\n")
    (tmp_path / "b.jsonl").write_text("".join(f'{{"x": {v!r}}}\n' for v in values.tolist()))
    said = []
    report = compare_files(tmp_path / "a.csv", tmp_path / "b.jsonl", progress=said.append)
    assert (report.verdict, report.columns[0].effect) == ("stable", 0.0)
    assert said[1:3] == ["reading a.csv", "reading b.jsonl"]
