"""A walker over the protocol buffer wire format (protobuf.dev/programming-guides/encoding), without schemas."""

from __future__ import annotations

import struct
from collections.abc import Iterator


class WireError(ValueError):
    """The bytes are no protocol buffer message."""


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """An unsigned varint and the offset behind it."""
    result = shift = 0
    try:
        while True:
            byte = data[at]
            at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result, at
            shift += 7
            if shift > 63:
                raise WireError("varint over 10 bytes")
    except IndexError:
        raise WireError("varint cut off") from None


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values: an int for varints, the raw bytes for everything else."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise WireError(f"wire type {kind}")
        if at + size > end:
            raise WireError("field cut off")
        yield key >> 3, data[at : at + size]
        at += size


def signed(value: int | memoryview) -> int:
    """An int64 field."""
    if not isinstance(value, int):
        raise WireError("an integer was expected")
    return value - (1 << 64) if value >= 1 << 63 else value


def raw(value: int | memoryview) -> memoryview:
    """A field of bytes."""
    if isinstance(value, int):
        raise WireError("bytes were expected")
    return value


def text(value: int | memoryview) -> str:
    return bytes(raw(value)).decode("utf-8", "replace")


def float64(value: int | memoryview) -> float:
    return _unpacked("<d", value)


def float32(value: int | memoryview) -> float:
    return _unpacked("<f", value)


def _unpacked(layout: str, value: int | memoryview) -> float:
    try:
        return float(struct.unpack(layout, raw(value))[0])
    except struct.error as error:
        raise WireError(str(error)) from None
