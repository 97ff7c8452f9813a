"""One training of the demo, as a process: python -m exptui_tui.demo.training --variant candidate --runs DIR ..."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import exptui
from exptui.rundir import CONSOLE_FILE
from exptui_tui.demo.data import EVALUATION_FILE, TRAINING_FILE, Floats, Machines, read_csv
from exptui_tui.demo.model import Features, Network, Optimizer, Stopwatch, scores, sigmoid
from exptui_tui.demo.variants import BASELINE, VARIANTS, Recipe, Variant

MODEL_FILE = "model.npz"
LOGGED_STEPS = 4
"""The loss is recorded every so many steps."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    time.sleep(options.delay)
    variant, runs, data = VARIANTS[options.variant], Path(options.runs), Path(options.data)
    evaluation = read_csv(data / EVALUATION_FILE)
    run = exptui.init(
        runs,
        variant.name,
        variant.hypothesis,
        variant.recipe.params(options.seed),
        variant.tags,
        {"current": os.fspath(data / variant.data)},
        "demo",
        options.baseline,
        evaluation={"dataset": "machines", "split": "held-out", "version": "1", "n": len(evaluation)},
        heartbeat=1.0,
    )
    _capture_console(run.path / CONSOLE_FILE)
    with run, np.errstate(all="ignore"):
        training = Training(variant, data, options.seed, runs / (options.baseline or run.id) / MODEL_FILE)
        training.run(run, evaluation, options.pace)
        training.network.save(run.path / MODEL_FILE)
        run.artifact(run.path / MODEL_FILE)
    return 0


def parser() -> argparse.ArgumentParser:
    of = argparse.ArgumentParser(prog="exptui_tui.demo.training", description=__doc__)
    of.add_argument("--variant", required=True, choices=list(VARIANTS))
    of.add_argument("--runs", required=True, metavar="DIR", help="where the run is recorded")
    of.add_argument("--data", required=True, metavar="DIR", help="where the data sets are")
    of.add_argument("--baseline", metavar="ID", help="the baseline's run: the parent, and the teacher of a student")
    of.add_argument("--pace", type=float, default=0.0, metavar="SECONDS", help="rest after each step")
    of.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="rest before the beginning")
    of.add_argument("--seed", type=int, default=20)
    return of


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _capture_console(path: Path) -> None:
    """Send what is printed from here on to the run's own console log."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


class Training:
    """A recipe at work on its data. `baseline_model` is read only where the recipe has a teacher."""

    def __init__(self, variant: Variant, data: Path, seed: int, baseline_model: Path) -> None:
        self._recipe = variant.recipe
        self._random = np.random.default_rng(seed)
        machines = read_csv(data / variant.data)
        self._features = Features.fit(self._recipe.features, machines)
        self._x = self._features.of(machines)
        self._weight = np.where(machines.failed > 0, self._recipe.failure_weight, 1.0)
        self._target = machines.failed
        if share := self._recipe.teacher_share:
            taught = _opinion(baseline_model, data, machines)
            self._target = (1 - share) * machines.failed + share * taught
        self.network = Network([self._x.shape[1], *self._recipe.hidden], self._random)
        self._optimizer = Optimizer(self._recipe.optimizer, self.network.parameters, self._recipe.weight_decay)
        self._step, self._steps = 0, self._recipe.epochs * (len(self._x) // self._recipe.batch_size)

    def run(self, run: exptui.Run, evaluation: Machines, pace: float) -> None:
        """Train to the end; FloatingPointError when the loss is no number any more."""
        x, watch = self._features.of(evaluation), Stopwatch(evaluation)
        for epoch in range(1, self._recipe.epochs + 1):
            for batch in self._batches():
                self._take_step(run, batch)
                time.sleep(pace)
            told = scores(self.network.logits(x), evaluation.failed)
            cost = {"latency_ms": watch.latency_ms(self._features, self.network), "model_kb": self.network.kilobytes}
            run.log({**told, **cost}, self._step)
            print(f"epoch {epoch}: " + ", ".join(f"{name} {value:.4g}" for name, value in told.items()), flush=True)

    def _take_step(self, run: exptui.Run, batch: NDArray[np.int64]) -> None:
        rate = learning_rate(self._recipe, self._step / self._steps)
        loss, gradients = self.network.gradients(self._x[batch], self._target[batch], self._weight[batch])
        self._step += 1
        broken = not math.isfinite(loss)
        if self._step % LOGGED_STEPS == 0 or broken:
            run.log({"train/loss": loss, "learning_rate": rate}, self._step)
        if broken:
            raise FloatingPointError(f"loss is {loss} at step {self._step}, learning rate {rate:.3g}")
        self._optimizer.update(self.network.parameters, gradients, rate)

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        size, order = self._recipe.batch_size, self._random.permutation(len(self._x))
        for begin in range(0, len(order) - size + 1, size):
            yield order[begin : begin + size]


def learning_rate(recipe: Recipe, done: float) -> float:
    """The rate after a share of the training."""
    if recipe.rate_growth:
        return float(recipe.learning_rate * recipe.rate_growth**done)
    return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


def _opinion(baseline_model: Path, data: Path, machines: Machines) -> Floats:
    """What the baseline thinks of each machine, as a chance of failure."""
    features = Features.fit(VARIANTS[BASELINE].recipe.features, read_csv(data / TRAINING_FILE))
    return sigmoid(Network.load(baseline_model).logits(features.of(machines)))


if __name__ == "__main__":
    sys.exit(main())
