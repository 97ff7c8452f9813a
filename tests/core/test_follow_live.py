"""Trainings that write while they are followed: every point arrives exactly once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import exptui.follow
import exptui.sources
import exptui.watch
import writers
from exptui.follow import Follower
from following import Following
from watched import FILE, FORMATS, Points, expected, log_of
from writers import append, event, json_line, native_run, python, simple

TRAINING = """
import json, random, sys, time
from pathlib import Path
from watched import FILE, log_of, expected

root, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
chance, end, runs, told = random.Random(seed), time.monotonic() + seconds, {}, {}

def begin(form, name):
    folder = root / name
    folder.mkdir(parents=True)
    if form == "native":
        (folder / "run.json").write_text(json.dumps({"schema": "exptui/1", "id": name, "status": "running"}))
    rows = [{"loss": chance.random(), "val": chance.random()} for _ in range(4000)]
    if form == "csv":
        (folder / FILE[form]).write_bytes(b"step,loss,val\\n")
    runs[name] = [open(folder / FILE[form], "ab", buffering=0), log_of(form, rows), 14 if form == "csv" else 0]
    told[name] = form, rows

for number, form in enumerate(FILE):
    begin(form, f"{form}-0")
while time.monotonic() < end:
    if len(runs) < 12 and chance.random() < 0.02:
        form = chance.choice(list(FILE))
        begin(form, f"{form}-{len(runs)}")
    for log in runs.values():
        size = chance.choice([1, 3, 17, 64, 500])
        log[0].write(log[1][log[2]:log[2] + size])
        log[2] = min(len(log[1]), log[2] + size)
    time.sleep(0.003)
for name, (file, content, at) in runs.items():
    file.write(content[at:])
    form, rows = told[name]
    print(json.dumps([name, form, rows]), flush=True)
"""


def id_of(name: str, form: str) -> str:
    return name if form in ("native", "tensorboard") else f"{name}/{FILE[form]}"


def finish(training: subprocess.Popen[bytes]) -> dict[str, Points]:
    out, _ = training.communicate(timeout=60)
    assert training.returncode == 0
    told = [json.loads(line) for line in out.splitlines()]
    return {id_of(name, form): expected(form, rows) for name, form, rows in told}


def check_counts(live: Following, told: dict[str, Points]) -> None:
    for run_id, metrics in told.items():
        run = live.run(run_id)
        assert run is not None
        assert {name: one.count for name, one in run.metrics.items()} == {
            name: len(one) for name, one in metrics.items()
        }


def caught_up(live: Following, told: dict[str, Points]) -> bool:
    runs = [(live.run(run_id), metrics) for run_id, metrics in told.items()]
    return all(run and all(run.metrics[name].count >= len(metrics[name]) for name in metrics) for run, metrics in runs)


@pytest.mark.parametrize("gentle", [True, False])
def test_everything_written_while_followed_is_there_exactly_once(gentle: bool, tmp_path: Path) -> None:
    first = [id_of(f"{form}-0", form) for form in FORMATS]
    with Following(tmp_path, gentle=gentle) as live:
        live.want(*first)
        training = python(TRAINING, tmp_path, 2.5, 7)
        told = finish(training)
        live.until(lambda: caught_up(live, told))
        check_counts(live, told)
        live.want(*told)
        live.until(lambda: all(live.points(run_id) == points for run_id, points in told.items()))
    assert live.ids() == set(told)
    # The first runs' points came in increments: the whole series was told only once for each.
    restarts = [run_id for batch in live.batches for run_id, chunk in batch.series.items() if chunk.restart]
    assert all(restarts.count(run_id) == 1 for run_id in told)
    assert len(told) > 4


def test_rescans_alone_find_everything_when_no_event_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(watcher: exptui.watch.Watcher, path: str) -> None:
        pass

    monkeypatch.setattr(exptui.watch.Watcher, "_note", deaf)
    with Following(tmp_path) as live:
        told = finish(python(TRAINING, tmp_path, 1.0, 8))
        live.until(lambda: caught_up(live, told), 8.0)
        check_counts(live, told)
        shutil.rmtree(tmp_path / "csv-0")
        live.until(lambda: "csv-0/metrics.csv" not in live.ids(), 8.0)


def test_wanting_again_and_again_while_a_training_writes_leaves_the_whole_series(tmp_path: Path) -> None:
    with Following(tmp_path, gentle=True) as live:
        training = python(TRAINING, tmp_path, 2.0, 9)
        live.until(lambda: len(live.ids()) >= 4)
        names = sorted(live.ids())
        end = time.monotonic() + 2.0
        turn = 0
        while time.monotonic() < end:
            live.want(*names[turn % 4 :][:2], *(names[:1] if turn % 3 else ()))
            turn += 1
            time.sleep(0.004 * (turn % 5))
        told = finish(training)
        live.want(*told)
        live.until(lambda: all(live.points(run_id) == points for run_id, points in told.items()))
    assert turn > 50


def test_a_run_wanted_while_it_is_first_read_comes_whole(tmp_path: Path) -> None:
    rows = [{"loss": float(at)} for at in range(15_000)]
    for form in FORMATS:
        (tmp_path / form).mkdir()
        (tmp_path / form / FILE[form]).write_bytes(log_of(form, rows))
    (tmp_path / "native/run.json").write_text('{"schema": "exptui/1"}')
    ids = [id_of(form, form) for form in FORMATS]
    with Following(tmp_path, gentle=True) as live:
        for turn in range(400):
            live.want(*(ids if turn % 3 else ids[:2]))
            time.sleep(0.001)
            if turn > 40 and len(live.ids()) == 4:
                break
        live.want(*ids)
        live.until(
            lambda: all(live.points(one) == expected(form, rows) for one, form in zip(ids, FORMATS, strict=True))
        )


def test_runs_made_removed_and_replaced_are_followed(tmp_path: Path) -> None:
    with Following(tmp_path) as live:
        live.want("a", "tb")
        native_run(tmp_path / "a", [{"step": 1, "loss": 1.0}], status="running")
        live.until(lambda: live.points("a") == {"loss": [("1.0", "1.0")]})
        append(tmp_path / "a/metrics.jsonl", json_line({"step": 2, "loss": 2.0}))
        live.until(lambda: live.points("a") == {"loss": [("1.0", "1.0"), ("2.0", "2.0")]})
        shutil.rmtree(tmp_path / "a")
        live.until(lambda: live.ids() == set())
        native_run(tmp_path / "new", [{"step": 9, "loss": 9.0}], id="a", status="running")
        os.rename(tmp_path / "new", tmp_path / "a")
        live.until(lambda: live.points("a") == {"loss": [("9.0", "9.0")]})
        (tmp_path / "tb").mkdir()
        (tmp_path / "tb/events.tfevents.1").write_bytes(event(1, simple("loss", 1.0)))
        live.until(lambda: live.points("tb") == {"loss": [("1.0", "1.0")]})
        (tmp_path / "tb/events.tfevents.2").write_bytes(event(2, simple("loss", 2.0)))
        live.until(lambda: live.points("tb") == {"loss": [("1.0", "1.0"), ("2.0", "2.0")]})
        writers.write_atomically(tmp_path / "tb/events.tfevents.1", event(0, simple("loss", 0.5)))
        live.until(lambda: live.points("tb") == {"loss": [("0.0", "0.5"), ("2.0", "2.0")]})


def test_a_directory_removed_and_made_again_is_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exptui.follow, "_GLANCE", 60.0)
    monkeypatch.setattr(exptui.sources, "_SCAN_EVERY", (60.0, 60.0))
    run = native_run(tmp_path / "a", [{"step": 1, "loss": 1.0}], status="running")
    with Following(tmp_path) as live:
        live.until(lambda: live.run("a"))
        shutil.rmtree(run)
        live.until(lambda: not live.ids())
        native_run(run, [{"step": 1, "loss": 1.0}], status="running")
        live.until(lambda: live.run("a"))
        time.sleep(0.3)
        append(run / "metrics.jsonl", json_line({"step": 2, "loss": 2.0}))
        live.until(lambda: (one := live.run("a")) and one.metrics["loss"].count == 2)


def test_a_root_that_vanishes_keeps_its_last_view_and_comes_back(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    native_run(root / "a", [{"step": 1, "loss": 1.0}])
    with Following(root) as live:
        live.until(lambda: live.ids() == {"a"})
        os.rename(root, tmp_path / "away")
        live.follower.rescan()
        live.until(lambda: "no such directory" in str(live.store.problems))
        time.sleep(0.5)
        assert live.ids() == {"a"}
        native_run(root / "b", [{"step": 1, "loss": 1.0}])
        live.until(lambda: live.ids() == {"b"} and not live.store.problems)


def test_a_root_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    with Following(tmp_path / "runs") as live:
        live.until(lambda: "no such directory" in str(live.store.problems))
        native_run(tmp_path / "runs/a", [{"step": 1, "loss": 1.0}])
        live.until(lambda: live.ids() == {"a"})


RECORDING = """
import sys, time, exptui
run = exptui.init(sys.argv[1], name="kept")
while True:
    run.log({"loss": 0.5})
    print(run.id, flush=True)
    time.sleep(0.02)
"""


def test_a_run_whose_process_is_killed_has_crashed_and_lives_again_when_it_is_resumed(tmp_path: Path) -> None:
    with Following(tmp_path) as live:
        training = python(RECORDING, tmp_path)
        assert training.stdout is not None
        run_id = training.stdout.readline().decode().strip()
        live.until(lambda: (one := live.run(run_id)) and one.status == "running" and one.metrics)
        training.send_signal(signal.SIGKILL)
        training.communicate()
        live.until(lambda: (one := live.run(run_id)) and one.status == "crashed", 6.0)
        killed = live.run(run_id)
        assert killed is not None
        assert "is gone and left no end mark" in killed.status_evidence
        document: dict[str, Any] = json.loads((tmp_path / run_id / "run.json").read_text())
        document["env"] |= {"pid": os.getpid(), "pid_started": None}
        writers.write_atomically(tmp_path / run_id / "run.json", json.dumps(document).encode())
        live.until(lambda: (one := live.run(run_id)) and one.status == "running", 6.0)
        document["status"] = "finished"
        writers.write_atomically(tmp_path / run_id / "run.json", json.dumps(document).encode())
        live.until(lambda: (one := live.run(run_id)) and one.status == "finished", 6.0)


def test_a_silent_run_stalls_without_anything_being_written(tmp_path: Path) -> None:
    later = [0.0]
    started = time.time()
    rows = [{"step": at, "time": started - 20 + at / 2, "loss": 1.0} for at in range(40)]
    (tmp_path / "metrics.jsonl").write_bytes(b"".join(map(json_line, rows)))
    with Following(tmp_path, clock=lambda: time.time() + later[0]) as live:
        live.until(lambda: (one := live.run("metrics.jsonl")) and one.status == "running")
        later[0] = 100.0
        live.until(lambda: (one := live.run("metrics.jsonl")) and one.status == "stalled", 6.0)
        later[0] = 0.0
        append(tmp_path / "metrics.jsonl", json_line({"step": 40, "time": time.time(), "loss": 1.0}))
        live.until(lambda: (one := live.run("metrics.jsonl")) and one.status == "running", 6.0)


def test_one_look_at_a_directory_in_which_a_training_writes_comes_to_an_end(tmp_path: Path) -> None:
    training = python(TRAINING, tmp_path, 1.5, 10)
    looks = 0
    while training.poll() is None and looks < 50:
        if any(tmp_path.iterdir()):
            list(Follower(str(tmp_path)).once())
            looks += 1
    finish(training)
    assert looks > 2
