"""Small writers of the log formats, independent of the code that reads them."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import google_crc32c

ROOT = Path(__file__).resolve().parents[1]


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = bytearray()
    while number >= 0x80:
        out.append(number % 0x80 + 0x80)
        number //= 0x80
    return bytes([*out, number])


def field(number: int, content: bytes | int | float) -> bytes:
    """One protobuf field: bytes, an integer (varint), or a float (as a double)."""
    if isinstance(content, bytes):
        return varint(number * 8 + 2) + varint(len(content)) + content
    if isinstance(content, int):
        return varint(number * 8) + varint(content)
    return varint(number * 8 + 1) + struct.pack("<d", content)


def field32(number: int, content: float) -> bytes:
    return varint(number * 8 + 5) + struct.pack("<f", content)


def checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc // 2**15 + crc * 2**17) % 2**32
    return struct.pack("<I", (rotated + 0xA282EAD8) % 2**32)


def record(data: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def event(step: int | None, *values: bytes, wall: float = 1_700_000_000.0) -> bytes:
    """One TensorBoard event record with the given Summary.Value messages."""
    head = field(1, wall) + (b"" if step is None else field(2, step))
    return record(head + field(5, b"".join(field(1, value) for value in values)))


def version() -> bytes:
    return record(field(1, 1_700_000_000.0) + field(3, b"brain.Event:2"))


def simple(tag: str, value: float) -> bytes:
    return field(1, tag.encode()) + field32(2, value)


def plugin(name: str, content: bytes = b"") -> bytes:
    inner = field(1, name.encode()) + (field(2, content) if content else b"")
    return field(9, field(1, inner))


def tensor(tag: str, body: bytes, *, named: bool = True) -> bytes:
    return field(1, tag.encode()) + field(8, body) + (plugin("scalars") if named else b"")


def hparams(params: Mapping[str, Any]) -> bytes:
    """The event that holds a session's hyperparameters."""
    entries = b""
    for key, value in params.items():
        if isinstance(value, bool):
            message = field(4, int(value))
        elif isinstance(value, str):
            message = field(3, value.encode())
        else:
            message = field(2, float(value))
        entries += field(1, field(1, key.encode()) + field(2, message))
    return field(1, b"_hparams_/session_start_info") + plugin("hparams", field(3, entries))


def session_end(code: int) -> bytes:
    return field(1, b"_hparams_/session_end_info") + plugin("hparams", field(4, field(1, code)))


def scalars(rows: Iterable[tuple[int, Mapping[str, float]]]) -> bytes:
    return b"".join(event(step, simple(tag, value)) for step, row in rows for tag, value in row.items())


def json_line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"


def csv_line(cells: Iterable[object], delimiter: str = ",") -> bytes:
    return delimiter.join(map(str, cells)).encode() + b"\n"


def native_run(folder: Path, rows: Iterable[Mapping[str, Any]] = (), **document: Any) -> Path:
    """A run as the recorder leaves it; `document` goes into its run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"schema": "exptui/1", "id": folder.name, "status": "finished", **document}
    write_atomically(folder / "run.json", json.dumps(told).encode())
    (folder / "metrics.jsonl").write_bytes(b"".join(map(json_line, rows)))
    return folder


def write_atomically(path: Path, content: bytes) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_bytes(content)
    os.replace(scratch, path)


def append(path: Path, content: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        file.write(content)


def same(one: float, other: float) -> bool:
    """Equal down to the sign of zero, or both NaN."""
    return (math.copysign(1, one) == math.copysign(1, other) and one == other) or (
        math.isnan(one) and math.isnan(other)
    )


def python(code: str, *arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """A fresh interpreter that runs `code`; stdout is a pipe."""
    paths = os.pathsep.join(str(ROOT / name) for name in ("core", "tui", "tests"))
    environment = {**os.environ, "PYTHONPATH": paths, **options.pop("env", {})}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, **options)
