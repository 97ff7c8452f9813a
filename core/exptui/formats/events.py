"""TensorBoard's Event message (tensorboard/compat/proto/event.proto, summary.proto, tensor.proto, hparams api.proto).

Only what a run explorer shows is decoded: scalars in all their spellings and hyperparameters. Images, histograms and
graphs are passed over without a look inside.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from exptui.formats.protowire import WireError, fields, float32, float64, raw, signed, text, varint
from exptui.records import Status

_FAST = struct.Struct("<d")
_F32 = struct.Struct("<f")

_TENSOR_VALUES = {1: (5, "<f", 4), 2: (6, "<d", 8), 3: (7, "varint", 0), 9: (10, "varint", 0)}
"""Tensor data type → (field of its typed values, struct format, bytes); DT_FLOAT, DT_DOUBLE, DT_INT32, DT_INT64."""

_TENSOR_CONTENT = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}

_SESSION_END: dict[int, Status] = {1: "finished", 2: "failed"}


_MEDIA_FIELDS = {4: "image", 5: "histogram", 6: "audio"}
_MEDIA_PLUGINS = {"images": "image", "histograms": "histogram", "audio": "audio", "text": "text"}


class Scalar(NamedTuple):
    tag: str
    value: float


@dataclass(frozen=True, slots=True)
class HParams:
    params: dict[str, Any] | None = None
    started: float | None = None
    ended: Status | None = None


class Shown(NamedTuple):
    """Something to look at or listen to: that it is there is told, what it is like is not decoded."""

    tag: str
    kind: str


class Event(NamedTuple):
    wall_time: float
    step: int
    values: list[Scalar | HParams | Shown]


def parse_event(record: memoryview, plugins: dict[str, str]) -> Event:
    """One event. `plugins` remembers the plugin of each tag, which only the first value of a tag carries.

    Raises WireError when the record is no event.
    """
    fast = _one_scalar(record)
    if fast is not None:
        return fast
    wall_time, step, values = 0.0, 0, list[Scalar | HParams | Shown]()
    for number, value in fields(record):
        if number == 1:
            wall_time = float64(value)
        elif number == 2:
            step = signed(value)
        elif number == 5:
            for inner, part in fields(raw(value)):
                if inner == 1:
                    found = _value(raw(part), plugins)
                    if found is not None:
                        values.append(found)
    return Event(wall_time, step, values)


def scalar_layout(record: memoryview) -> tuple[int, int, int] | None:
    """Where the step ends, and where the tag begins and ends, in the one shape that most writers use for most events:
    wall time, step, one tag with one simple value (the last four bytes). None for every other shape."""
    size = len(record)
    try:
        if record[0] != 0x09 or record[9] != 0x10:
            return None
        _, step_end = varint(record, 10)
        if record[step_end] != 0x2A:
            return None
        length, at = varint(record, step_end + 1)
        if at + length != size or record[at] != 0x0A:
            return None
        length, at = varint(record, at + 1)
        if at + length != size or record[at] != 0x0A:
            return None
        length, at = varint(record, at + 1)
        end = at + length
        if end + 5 != size or record[end] != 0x15:
            return None
    except (IndexError, WireError):
        return None
    return step_end, at, end


def _one_scalar(record: memoryview) -> Event | None:
    layout = scalar_layout(record)
    if layout is None:
        return None
    _, at, end = layout
    step, _ = varint(record, 10)
    tag = str(record[at:end], "utf-8", "replace")
    return Event(_FAST.unpack_from(record, 1)[0], step - (1 << 64) if step >> 63 else step,
                 [Scalar(tag, _F32.unpack_from(record, end + 1)[0])])  # fmt: skip


def _value(message: memoryview, plugins: dict[str, str]) -> Scalar | HParams | Shown | None:
    tag, simple, tensor, content, kind = "", None, None, None, ""
    for number, value in fields(message):
        if number == 1:
            tag = text(value)
        elif number == 2:
            simple = float32(value)
        elif number in _MEDIA_FIELDS:
            kind = _MEDIA_FIELDS[number]
        elif number == 8:
            tensor = raw(value)
        elif number == 9:
            plugin, content = _plugin(raw(value))
            plugins.setdefault(tag, plugin)
    if simple is not None:
        return Scalar(tag, simple)
    plugin = plugins.get(tag, "")
    if plugin == "hparams" and content is not None:
        return _hparams(content)
    if tensor is not None and plugin == "scalars":
        number_found = _scalar_tensor(tensor)
        return None if number_found is None else Scalar(tag, number_found)
    kind = kind or _MEDIA_PLUGINS.get(plugin, "")
    return Shown(tag, kind) if kind else None


def _plugin(metadata: memoryview) -> tuple[str, memoryview | None]:
    name, content = "", None
    for number, value in fields(metadata):
        if number == 1:
            for inner, part in fields(raw(value)):
                if inner == 1:
                    name = text(part)
                elif inner == 2:
                    content = raw(part)
    return name, content


def _scalar_tensor(tensor: memoryview) -> float | None:
    """A rank-0 tensor's number: in its typed values, or in tensor_content as TensorFlow itself writes it."""
    kind, content, typed = 0, None, dict[int, int | memoryview]()
    for number, value in fields(tensor):
        if number == 1:
            kind = signed(value)
        elif number == 4:
            content = raw(value)
        else:
            typed[number] = value
    if kind not in _TENSOR_VALUES:
        return None
    if content is not None and len(content):
        layout = _TENSOR_CONTENT[kind]
        return float(struct.unpack_from(layout, content)[0]) if len(content) >= struct.calcsize(layout) else None
    field, layout, width = _TENSOR_VALUES[kind]
    found = typed.get(field)
    if found is None:
        return 0.0
    if layout == "varint":
        return float(signed(found if isinstance(found, int) else varint(found, 0)[0]))
    return float(struct.unpack_from(layout, raw(found))[0]) if len(raw(found)) >= width else None


def _hparams(content: memoryview) -> HParams | None:
    """HParamsPluginData: 3 session_start_info {1 hparams, 5 start_time}, 4 session_end_info {1 status}."""
    for number, value in fields(content):
        if number == 3:
            return _session_start(raw(value))
        if number == 4:
            codes = [signed(part) for inner, part in fields(raw(value)) if inner == 1]
            return HParams(ended=_SESSION_END.get(codes[0])) if codes else None
    return None


def _session_start(message: memoryview) -> HParams:
    params: dict[str, Any] = {}
    started = None
    for number, value in fields(message):
        if number == 1:
            entry = dict(fields(raw(value)))
            if 1 in entry and 2 in entry:
                params[text(entry[1])] = _struct_value(raw(entry[2]))
        elif number == 5:
            started = float64(value)
    return HParams(params=params, started=started or None)


def _struct_value(message: memoryview) -> Any:
    """A google.protobuf.Value: 2 number, 3 string, 4 bool, 6 list. Whole numbers were ints before they got here."""
    for number, value in fields(message):
        if number == 2:
            found = float64(value)
            return int(found) if found.is_integer() and abs(found) < 2**53 else found
        if number == 3:
            return text(value)
        if number == 4:
            return bool(value)
        if number == 6:
            return [_struct_value(raw(part)) for inner, part in fields(raw(value)) if inner == 1]
    return None
