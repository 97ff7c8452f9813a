"""The demo's data: sensor readings of machines and whether each failed within a day, as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRAINING_FILE = "machines.csv"
REFRESHED_FILE = "machines-refreshed.csv"
EVALUATION_FILE = "evaluation.csv"

TRAINING_ROWS = 4_000
EVALUATION_ROWS = 20_000
"""Enough that the interval of an F1 score is about 1% wide on either side."""

LABEL = "failed_within_24h"
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "machine_class": ("light", "medium", "heavy"),
    "plant": ("north", "south", "harbour"),
}
NUMBERS: Mapping[str, int] = {
    "air_temperature_c": 1,
    "process_temperature_c": 1,
    "rotation_rpm": 0,
    "torque_nm": 1,
    "tool_wear_min": 0,
    "vibration_mm_s": 2,
    "pressure_bar": 2,
    "humidity_pct": 1,
}
"""Numeric columns with the decimals that their sensors give."""

_STRAIN_LIMIT = np.array([9_500.0, 11_000.0, 12_500.0])  # torque times wear that a class of machine can bear


@dataclass(frozen=True, slots=True, eq=False)
class Machines:
    """Rows of machines. `numbers` has a column for each of NUMBERS, NaN where a reading is missing; `codes` one
    for each of CATEGORIES, an index into its values."""

    numbers: Floats
    codes: NDArray[np.int64]
    failed: Floats

    def __len__(self) -> int:
        return len(self.failed)


def make_data(folder: Path, seed: int = 20) -> None:
    """Write the training data, the refreshed training data, which drifted, and the evaluation data."""
    folder.mkdir(parents=True, exist_ok=True)
    training, refreshed, evaluation = (np.random.default_rng([seed, part]) for part in range(3))
    write_csv(folder / TRAINING_FILE, draw(training, TRAINING_ROWS))
    write_csv(folder / REFRESHED_FILE, drift(draw(refreshed, TRAINING_ROWS, harbour=0.45), refreshed))
    write_csv(folder / EVALUATION_FILE, draw(evaluation, EVALUATION_ROWS))


def draw(random: np.random.Generator, rows: int, harbour: float = 0.15) -> Machines:
    """Machines as they are in the plants; `harbour` is the share of them that stand in the plant by the sea."""
    machine_class = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    plant = random.choice(3, rows, p=[0.6 * (1 - harbour), 0.4 * (1 - harbour), harbour])
    air = random.normal(24, 3, rows)
    process = air + 10 + random.normal(0, 1.2, rows)
    rotation = 1_180 + random.gamma(4, 90, rows)
    torque = np.clip(78 - 0.025 * rotation + random.normal(0, 9, rows), 4, None)
    wear = random.uniform(0, 250, rows)
    vibration = np.exp(random.normal(0.6, 0.45, rows)) + 0.002 * wear
    pressure = random.normal(6, 0.5, rows)
    humidity = np.clip(random.normal(48, 9, rows) + 12 * (plant == 2), 5, 99)
    numbers = np.column_stack([air, process, rotation, torque, wear, vibration, pressure, humidity])
    failed = random.random(rows) < _chance_of_failure(numbers, machine_class)
    numbers[random.random(rows) < 0.02, -1] = np.nan
    return Machines(numbers, np.column_stack([machine_class, plant]), failed.astype(float))


def _chance_of_failure(numbers: Floats, machine_class: NDArray[np.int64]) -> Floats:
    """Overstrain, power outside its band, heat that is not carried off, and vibration of worn tools."""
    air, process, rotation, torque, wear, vibration, pressure, _ = numbers.T
    strain = torque * wear / _STRAIN_LIMIT[machine_class]
    power = torque * rotation * 2 * np.pi / 60
    risks = [
        9 * (strain - 1.0),
        (np.abs(power - 6_300) - 2_300) / 180,
        3.0 * (9.0 - (process - air)) - (rotation - 1_450) / 60,
        4.0 * (np.log(vibration) - 1.25) + 2.0 * (wear / 250 - 0.5) - 1.2 * (pressure - 6),
    ]
    risk = np.logaddexp.reduce(risks, axis=0)
    return np.asarray(1 / (1 + np.exp(-np.clip(3.0 * (risk - 1.6), -30, 30))))


def drift(machines: Machines, random: np.random.Generator) -> Machines:
    """The machines after a vibration sensor was recalibrated and many humidity sensors stopped reporting."""
    numbers = machines.numbers.copy()
    vibration, humidity = (list(NUMBERS).index(name) for name in ("vibration_mm_s", "humidity_pct"))
    numbers[:, vibration] = 1.08 * numbers[:, vibration] + 0.25
    numbers[random.random(len(machines)) < 0.22, humidity] = np.nan
    return Machines(numbers, machines.codes, machines.failed)


def write_csv(path: Path, machines: Machines) -> None:
    spelled = [
        [f"{value:.{decimals}f}" if value == value else "" for value in column.tolist()]
        for column, decimals in zip(machines.numbers.T, NUMBERS.values(), strict=True)
    ]
    spelled += [
        [names[code] for code in column.tolist()]
        for column, names in zip(machines.codes.T, CATEGORIES.values(), strict=True)
    ]
    labels = [f"{label:.0f}" for label in machines.failed.tolist()]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*NUMBERS, *CATEGORIES, LABEL])
        writer.writerows(zip(*spelled, labels, strict=True))


def read_csv(path: Path) -> Machines:
    """Read what `write_csv` wrote."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    columns = list(zip(*rows, strict=True))
    count = len(NUMBERS)
    numbers = np.array([[float(cell or "nan") for cell in column] for column in columns[:count]]).T
    codes = [
        [names.index(cell) for cell in column]
        for column, names in zip(columns[count:-1], CATEGORIES.values(), strict=True)
    ]
    return Machines(np.ascontiguousarray(numbers), np.array(codes).T, np.array([float(cell) for cell in columns[-1]]))
