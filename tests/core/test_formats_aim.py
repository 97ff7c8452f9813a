"""Aim: what its SQLite file tells; and the console files that other runs leave."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import writers
from directories import Directory, damaged

SCHEMA = """
    CREATE TABLE experiment (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE run (id INTEGER PRIMARY KEY, hash TEXT, name TEXT, description TEXT, created_at DATETIME,
                      experiment_id INTEGER, finalized_at DATETIME);
    CREATE TABLE run_tag (run_id INTEGER, tag_id INTEGER);
    INSERT INTO experiment VALUES (1, 'default'), (2, 'digits');
    INSERT INTO tag VALUES (1, 'demo'), (2, 'slow');
    INSERT INTO run VALUES (1, 'aa', 'first', 'a note', '2026-11-24 15:42:01.5', 2, '2026-11-24 15:43:00');
    INSERT INTO run VALUES (2, 'bb', NULL, NULL, NULL, 1, NULL);
    INSERT INTO run_tag VALUES (1, 1), (1, 2);
"""


def repository(root: Path) -> Path:
    database = root / "proj#1" / ".aim" / "run_metadata.sqlite"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA)
    return database


def test_every_run_is_told_with_the_way_to_its_values(tmp_path: Path) -> None:
    repository(tmp_path)
    directory = Directory(tmp_path)
    directory.read()
    first, second = directory.record("aa"), directory.record("bb")
    assert directory.formats() == [("aim", "proj#1/.aim")]
    assert (first.name, first.tags, first.notes, first.group) == ("first", ("demo", "slow"), "a note", "digits")
    assert (first.status, first.created, first.tracker_id) == ("finished", 1795534921.5, "aa")
    assert (second.name, second.status, second.group) == ("bb", "running", None)
    assert "aim storage reindex" in first.problems[0].what
    assert not first.metrics


def test_a_locked_database_is_tried_again(tmp_path: Path) -> None:
    database = repository(tmp_path)
    directory = Directory(tmp_path)
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        directory.read()
        assert directory.problems() == ["cannot be read: database is locked"]
    directory.read()
    assert directory.runs() == ["aa", "bb"]


def test_a_deleted_run_is_gone(tmp_path: Path) -> None:
    database = repository(tmp_path)
    directory = Directory(tmp_path)
    directory.read()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("DELETE FROM run WHERE hash = 'bb'")
    directory.read()
    assert directory.runs() == ["aa"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
@example(seed=1487)  # a schema that is no text
def test_no_damage_keeps_it_from_being_read(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("aim")
    database = repository(root)
    content = database.read_bytes()
    directory = Directory(root)
    for version in damaged(content, seed):
        database.write_bytes(version)
        directory.read()
    database.write_bytes(content)
    directory.read()
    assert directory.record("aa").name == "first"


def test_the_console_of_a_native_run_is_found_when_it_appears(tmp_path: Path) -> None:
    run = writers.native_run(tmp_path / "run", [{"step": 1, "loss": 1.0}], name="digits", status="running")
    directory = Directory(tmp_path)
    directory.read()
    assert directory.record().console is None
    (run / "console.log").write_text("epoch 1\n")
    directory.read()
    assert (directory.record().console, directory.record().name) == ("run/console.log", "digits")
