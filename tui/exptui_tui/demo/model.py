"""What the demo trains: a feature step and a small network on it, in numpy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from exptui_tui.demo.data import CATEGORIES, Floats, Machines

FeatureSet = Literal["raw", "physics"]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Turns machines into a matrix, scaled as the training data say. "raw" are the columns themselves, "physics"
    adds what an engineer would ask for: power, strain, heat, and the logarithm of the vibration."""

    kind: FeatureSet
    fill: Floats
    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, kind: FeatureSet, machines: Machines) -> Features:
        fill = np.nanmedian(machines.numbers, axis=0)
        matrix = _columns(kind, fill, machines)
        return cls(kind, fill, matrix.mean(axis=0), np.maximum(matrix.std(axis=0), 1e-6))

    def of(self, machines: Machines) -> Floats:
        return np.asarray((_columns(self.kind, self.fill, machines) - self.mean) / self.scale)


_ONE_HOT = [np.eye(len(names)) for names in CATEGORIES.values()]
_AIR, _PROCESS, _ROTATION, _TORQUE, _WEAR, _VIBRATION = range(6)  # in the order of NUMBERS


def _columns(kind: FeatureSet, fill: Floats, machines: Machines) -> Floats:
    numbers = np.where(np.isnan(machines.numbers), fill, machines.numbers)
    categories = [table[codes] for table, codes in zip(_ONE_HOT, machines.codes.T, strict=True)]
    if kind == "raw":
        return np.concatenate([numbers, *categories], axis=1)
    work = numbers[:, [_ROTATION, _WEAR]] * numbers[:, [_TORQUE]]  # power and strain
    bent = np.log(numbers[:, [_VIBRATION]])
    heat = numbers[:, [_PROCESS]] - numbers[:, [_AIR]]
    strain_of_class = work[:, 1:] * categories[0]
    return np.concatenate([numbers, *categories, work, work * work, bent, heat, strain_of_class], axis=1)


class Network:
    """A perceptron with ReLU layers and one logit."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator) -> None:
        shapes = list(zip(sizes, [*sizes[1:], 1], strict=True))
        self.weights = [random.normal(0, np.sqrt(2 / rows), (rows, columns)) for rows, columns in shapes]
        self.biases = [np.zeros(columns) for _, columns in shapes]

    @property
    def parameters(self) -> list[Floats]:
        return [*self.weights, *self.biases]

    @property
    def kilobytes(self) -> float:
        return sum(array.nbytes for array in self.parameters) / 1024

    def logits(self, x: Floats) -> Floats:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = np.maximum(x @ weight + bias, 0)
        return np.asarray((x @ self.weights[-1] + self.biases[-1])[:, 0])

    def gradients(self, x: Floats, target: Floats, weight: Floats) -> tuple[float, list[Floats]]:
        """The weighted cross-entropy of a batch and its gradients, in the order of `parameters`."""
        inputs = [x]
        for layer, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs.append(np.maximum(inputs[-1] @ layer + bias, 0))
        logits = (inputs[-1] @ self.weights[-1] + self.biases[-1])[:, 0]
        error = (weight * (sigmoid(logits) - target) / len(x))[:, None]
        of_weights, of_biases = [], []
        for layer, given in zip(reversed(self.weights), reversed(inputs), strict=True):
            of_weights.append(given.T @ error)
            of_biases.append(error.sum(axis=0))
            error = (error @ layer.T) * (given > 0)
        return float((weight * cross_entropy(logits, target)).mean()), [*of_weights[::-1], *of_biases[::-1]]

    def save(self, path: Path) -> None:
        np.savez(path, *self.parameters)

    @classmethod
    def load(cls, path: Path) -> Network:
        network = cls.__new__(cls)
        with np.load(path) as arrays:
            parameters = [arrays[name] for name in arrays.files]
        network.weights, network.biases = parameters[: len(parameters) // 2], parameters[len(parameters) // 2 :]
        return network


def sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def cross_entropy(logits: Floats, target: Floats) -> Floats:
    return np.asarray(np.logaddexp(0, logits) - target * logits)


class Optimizer:
    """Adam, or stochastic gradient descent with momentum; weight decay pulls the weights, not the biases."""

    def __init__(self, kind: Literal["adam", "sgd"], parameters: Sequence[Floats], weight_decay: float) -> None:
        self._adam = kind == "adam"
        self._weight_decay = weight_decay
        self._step = 0
        self._first = [np.zeros_like(array) for array in parameters]
        self._second = [np.zeros_like(array) for array in parameters]

    def update(self, parameters: Sequence[Floats], gradients: Sequence[Floats], rate: float) -> None:
        self._step += 1
        for array, gradient, first, second in zip(parameters, gradients, self._first, self._second, strict=True):
            if array.ndim > 1:
                array *= 1 - rate * self._weight_decay
            first *= 0.9
            if not self._adam:
                first += gradient
                array -= rate * first
                continue
            first += 0.1 * gradient
            second *= 0.999
            second += 0.001 * gradient * gradient
            size = np.sqrt(second / (1 - 0.999**self._step)) + 1e-8
            array -= rate * (first / (1 - 0.9**self._step)) / size


def scores(logits: Floats, failed: Floats) -> dict[str, float]:
    """What the evaluation set says of a model."""
    said, is_so = logits > 0, failed > 0
    hits = float((said & is_so).sum())
    order = np.argsort(np.argsort(logits, kind="stable"), kind="stable") + 1.0
    positives, negatives = is_so.sum(), (~is_so).sum()
    area = (order[is_so].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return {
        "val/loss": float(cross_entropy(logits, failed).mean()),
        "val/f1": 2 * hits / max(1.0, float(said.sum() + is_so.sum())),
        "val/auc": float(area),
        "val/accuracy": float((said == is_so).mean()),
    }


class Stopwatch:
    """How long one machine takes from its readings to a logit. Other programs can only make a measurement slower,
    so the least of the medians of many short blocks counts, over all epochs."""

    def __init__(self, machines: Machines, rows: int = 30) -> None:
        one = [slice(at, at + 1) for at in range(rows)]
        self._rows = [Machines(machines.numbers[at], machines.codes[at], machines.failed[at]) for at in one]
        self._least = float("inf")

    def latency_ms(self, features: Features, network: Network, blocks: int = 9) -> float:
        for _ in range(blocks):
            taken = []
            for row in self._rows:
                begun = time.perf_counter()
                network.logits(features.of(row))
                taken.append(time.perf_counter() - begun)
            self._least = min(self._least, 1000 * float(np.median(taken)))
        return self._least
