"""A decision that was acknowledged outlives everything; a damaged one costs only itself."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import exptui.journal
from exptui.journal import Journal, decode
from writers import python

DECIDING = """
import sys
from pathlib import Path
from exptui.journal import Journal
journal = Journal([Path(sys.argv[1])])
turn = int(sys.argv[2])
print("ready", flush=True)
for number in range(100_000):
    key = f"run{number % 7}.notes"
    decision = journal.record(key, f"{turn}/{number} " + "x" * (number % 300))
    print(decision.lamport, key, decision.value, flush=True)
"""


def states(place: Path) -> dict[str, Any]:
    return {one.key: one.value for one in Journal([place]).decisions()}


def test_no_acknowledged_decision_is_lost_to_kill_9(tmp_path: Path) -> None:
    chance = random.Random(1)
    known: dict[str, tuple[int, str]] = {}
    acknowledged = 0
    for turn in range(30):
        writer = python(DECIDING, tmp_path / "d", turn)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.005, 0.1))
        writer.send_signal(signal.SIGKILL)
        out = writer.stdout.read()
        writer.wait()
        for line in out.splitlines(keepends=True):
            if line.endswith(b"\n"):
                lamport, key, value = line.decode().rstrip("\n").split(" ", 2)
                known[key] = int(lamport), value
                acknowledged += 1
        kept = {one.key: one for one in Journal([tmp_path / "d"]).decisions()}
        for key, (number, value) in known.items():
            # What was written but not yet acknowledged may be there too, and is newer then.
            assert kept[key].lamport > number or (kept[key].lamport, kept[key].value) == (number, value)
    assert acknowledged > 200
    assert Journal([tmp_path / "d"]).damaged == 0


def test_writers_who_decide_at_once_come_to_the_same_winner(tmp_path: Path) -> None:
    chance = random.Random(2)
    for program in range(20):
        journals = [Journal([tmp_path / str(program)]) for _ in range(3)]
        for _ in range(12):
            journal = chance.choice(journals)
            if chance.random() < 0.5:
                journal.reload()
            journal.record(chance.choice("ab"), chance.random())
        # Two that decide without knowing of each other have the same counter.
        clash = [Journal([tmp_path / str(program)]) for _ in range(2)]
        for journal in clash:
            journal.reload = lambda: False  # type: ignore[method-assign]
            journal.record("a", chance.random())
            del journal.reload  # type: ignore[method-assign]
        every = [*journals, *clash, Journal([tmp_path / str(program)])]
        for journal in every:
            journal.reload()
        assert len({json.dumps([(one.key, one.value) for one in journal.decisions()]) for journal in every}) == 1


def test_decisions_of_another_process_arrive_at_the_next_reload(tmp_path: Path) -> None:
    ours = Journal([tmp_path])
    ours.record("baseline", "ours")
    other = python(DECIDING, tmp_path, 0)
    assert other.stdout is not None
    lines = [other.stdout.readline() for _ in range(20)]
    assert ours.reload()
    lamport, key, _ = lines[-1].decode().rstrip("\n").split(" ", 2)
    standing = next(one for one in ours.decisions() if one.key == key)
    assert standing.lamport >= int(lamport)
    other.kill()
    other.communicate()
    ours.reload()
    assert not ours.reload()


def test_damaged_lines_are_skipped_and_counted_and_all_others_kept(tmp_path: Path) -> None:
    journal = Journal([tmp_path])
    for at in range(60):
        journal.record(f"k{at}", at)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    lines = whole.rstrip(b"\n").split(b"\n")
    chance = random.Random(4)
    for _ in range(150):
        hit = {chance.randrange(60) for _ in range(3)}
        damaged = [bytearray(line) for line in lines]
        for at in hit:
            damaged[at][chance.randrange(len(damaged[at]))] ^= chance.choice([1, 4, 64])
        file.write_bytes(b"\n".join(damaged) + b"\n" * 9)
        reread = Journal([tmp_path])
        kept = {one.key: one.value for one in reread.decisions()}
        missing = {f"k{at}" for at in range(60)} - set(kept)
        assert missing <= {f"k{at}" for at in hit}
        assert all(kept[key] == int(key[1:]) for key in kept)
        assert reread.damaged >= len(missing)
    file.write_bytes(whole[: len(b"\n".join(lines)) - 5] + bytes(50))
    torn = Journal([tmp_path])
    assert (len(torn.decisions()), torn.damaged) == (59, 1)


def test_one_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "0.jsonl").mkdir()
    Journal([tmp_path]).record("baseline", "r")
    assert states(tmp_path) == {"baseline": "r"}


def test_later_versions_may_say_more(tmp_path: Path) -> None:
    body = b'{"v":2,"w":"x","seq":1,"lam":3,"t":1.0,"k":"a","x":1,"new":[1]}'
    (tmp_path / "x.jsonl").write_bytes(b"%08x %s\n" % (exptui.journal.zlib.crc32(body), body))
    journal = Journal([tmp_path])
    assert journal.get("a") == 1
    assert journal.record("a", 2).lamport == 4


def test_a_place_that_takes_no_files_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    places = [tmp_path / "file/decisions", tmp_path / "own"]
    journal = Journal(places)
    journal.record("baseline", "r")
    assert journal.place == tmp_path / "own"
    assert Journal(places).get("baseline") == "r"


FAULTS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS]


@pytest.mark.parametrize("call", ["pwrite", "fsync", "short"])
@pytest.mark.parametrize("code", FAULTS)
def test_a_decision_the_disk_refuses_is_kept_and_saved_later(
    call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal([tmp_path])
    journal.record("before", 1)
    real = os.pwrite

    def refuse(descriptor: int, *rest: Any) -> int:
        if call == "short" and len(rest[0]) < 4096:
            return real(descriptor, rest[0][:20], rest[1])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pwrite" if call == "short" else call, refuse)
    for number in range(5):
        with pytest.raises(OSError):
            journal.record("during", number)
    assert (journal.get("during"), len(journal.unsaved)) == (4, 5)
    assert states(tmp_path) == {"before": 1}
    monkeypatch.undo()
    journal.retry()
    assert journal.unsaved == []
    assert states(tmp_path) == {"before": 1, "during": 4}
    assert Journal([tmp_path]).damaged == 0
    journal.record("after", 1)
    assert states(tmp_path) == {"before": 1, "during": 4, "after": 1}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_fills_up_sends_the_next_decision_to_the_next_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / "shared", tmp_path / "own"]
    journal = Journal(places)
    journal.record("a", 1)
    real = os.pwrite
    shared = next(places[0].iterdir())

    def refuse(descriptor: int, data: bytes, offset: int) -> int:
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(shared.parent)):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", refuse)
    journal.record("b", 2)
    monkeypatch.undo()
    assert {one.key: one.value for one in Journal(places).decisions()} == {"a": 1, "b": 2}
    assert journal.place == places[1]


def test_a_hundred_decisions_fit_into_the_reserve_of_a_full_disk(tmp_path: Path) -> None:
    journal = Journal([tmp_path])
    journal.record("baseline", "r")
    [file] = tmp_path.iterdir()
    assert file.stat().st_size >= 100 * 200
    assert file.stat().st_blocks * 512 >= 100 * 200


def test_order_is_by_counter_however_the_clock_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Journal([tmp_path]), Journal([tmp_path])
    for number, moment in enumerate([2e9, 1e9, 3e9, 0.0, 1.5e9]):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        (first if number % 2 else second).record("baseline", number)
        (first if number % 2 else second).record(f"other{number}", moment)
    kept = Journal([tmp_path]).decisions()
    assert [one.value for one in kept if one.key == "baseline"] == [4]
    assert [one.key for one in kept][-1] == "other4"
    assert [one.lamport for one in kept] == sorted(one.lamport for one in kept)


def test_a_decision_taken_back_is_as_if_never_taken(tmp_path: Path) -> None:
    journal = Journal([tmp_path])
    journal.record("baseline", "r")
    journal.record("baseline", None)
    assert Journal([tmp_path]).get("baseline", "default") == "default"


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    place = tmp_path / "a/decisions"
    Journal([place]).record("x", 1)
    assert oct(place.stat().st_mode & 0o777) == "0o700"
    assert [oct(file.stat().st_mode & 0o777) for file in place.iterdir()] == ["0o600"]


def test_a_writer_whose_directory_is_removed_begins_it_anew(tmp_path: Path) -> None:
    place = tmp_path / "decisions"
    journal = Journal([place])
    journal.record("a", 1)
    shutil.rmtree(place)
    journal.record("b", 2)
    assert states(place).get("b") == 2


def test_what_is_no_line_of_ours_is_no_decision() -> None:
    for line in (b"", b" ", b"zz {}", b"00000000 {}", b"00000000", b"%08x []" % exptui.journal.zlib.crc32(b"[]")):
        assert decode(line) is None


def test_decisions_beside_the_runs_follow_the_umask_and_those_at_home_are_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        for place, file_mode, folder_mode in (
            (tmp_path / "runs" / ".exptui" / "decisions", 0o644, 0o755),
            (tmp_path / "state" / "decisions", 0o600, 0o700),
        ):
            Journal([place]).record("baseline", "a")
            (path,) = place.iterdir()
            assert path.stat().st_mode & 0o777 == file_mode
            assert place.stat().st_mode & 0o777 == folder_mode
    finally:
        os.umask(before)
