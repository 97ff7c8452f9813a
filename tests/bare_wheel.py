"""Does the built wheel record a training in an environment that has nothing else, not even its dependencies?

    python tests/bare_wheel.py

Builds the wheel, installs it alone into a fresh environment, and runs a training whose own packages are called
`core` and `tui`, as this project's source folders are. Prints "bare wheel: ok", or the reason, and exits with 1.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

TRAINING = """
import sys
import exptui
from core.model import predict
from tui import DRAWN

with exptui.init(name="bare", params={"lr": 0.1}, tags=["ci"]) as run:
    for step in range(3):
        run.log({"train/loss": predict(step), "drawn": DRAWN}, step=step)
    run.summary({"loss": predict(2)})

foreign = {name.partition(".")[0] for name in sys.modules} & {"textual", "tinydb", "watchdog", "numpy", "scipy"}
assert not foreign, foreign
assert "site-packages" in exptui.__file__, exptui.__file__
assert "site-packages" not in sys.modules["core"].__file__, "the wheel must not bring a package called core"
"""


class BareWheelError(Exception):
    """What does not hold, in one line."""


def main() -> int:
    """Run every step; 0 when all hold."""
    with tempfile.TemporaryDirectory(prefix="bare-wheel-") as scratch:
        try:
            python = install(build(Path(scratch) / "wheel"), Path(scratch) / "environment")
            train(python, Path(scratch) / "training")
        except BareWheelError as error:
            print(f"bare wheel: {error}", file=sys.stderr)
            return 1
    print("bare wheel: ok")
    return 0


def build(folder: Path) -> Path:
    """Build the wheel into `folder`; returns the one file."""
    call([sys.executable, "-m", "pip", "wheel", "--no-deps", str(PROJECT), "-w", str(folder)], folder.parent)
    wheels = list(folder.glob("*.whl"))
    expect(len(wheels) == 1, f"one wheel is expected, found {[each.name for each in wheels]}")
    return wheels[0]


def install(wheel: Path, folder: Path) -> Path:
    """Make an environment with nothing but `wheel`; returns its interpreter."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    # The new environment needs no pip of its own, which saves most of the time.
    call([sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", str(wheel)], folder)
    return python


def train(python: Path, folder: Path) -> None:
    """Run the training with `python` in `folder` and check what it leaves there."""
    for path, text in {
        "core/__init__.py": "",
        "core/model.py": "def predict(step):\n    return 1 / (step + 1)\n",
        "tui/__init__.py": "DRAWN = True\n",
        "train.py": TRAINING,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    said = call([str(python), "train.py"], folder)
    expect(said == "", f"the training says {said!r}")
    check(folder / "runs")


def check(runs: Path) -> None:
    """The run's files hold what the training told."""
    directories = list(runs.iterdir())
    expect(len(directories) == 1, f"one run is expected, found {len(directories)}")
    told = json.loads((directories[0] / "run.json").read_text())
    expect(told["schema"] == "exptui/1", f"run.json has schema {told['schema']!r}")
    expect(told["status"] == "finished", f"run.json says {told['status']!r}")
    expect(told["params"] == {"lr": 0.1}, f"run.json has params {told['params']!r}")
    expect("dropped" not in told, f"records were dropped: {told.get('dropped')!r}")
    lines = [json.loads(line) for line in (directories[0] / "metrics.jsonl").read_text().splitlines()]
    kept = [(line["step"], line["train/loss"], line["drawn"]) for line in lines[1:]]
    expect(kept == [(0, 1.0, 1), (1, 0.5, 1), (2, 1 / 3, 1)], f"metrics.jsonl has {kept!r}")


def call(command: list[str], folder: Path) -> str:
    """Run `command` in `folder`, away from the source tree; returns what it printed."""
    folder.mkdir(exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "EXPTUI"))}
    done = subprocess.run(
        command, cwd=folder, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    expect(done.returncode == 0, f"{' '.join(command)} exits with {done.returncode}:\n{done.stdout}")
    return done.stdout


def expect(holds: bool, otherwise: str) -> None:
    """Raise with the reason unless it holds."""
    if not holds:
        raise BareWheelError(otherwise)


if __name__ == "__main__":
    sys.exit(main())
