"""Readers of NumPy and Parquet files. Headers are checked against the file's size before anything is
allocated, and nothing is ever unpickled."""

from __future__ import annotations

import ast
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from exptui.drift.tables import (
    Column,
    Table,
    assemble,
    check_columns,
    check_rows,
    column_of,
    open_regular,
)
from exptui.errors import DataFileError

MAX_HEADER = 1 << 16
MAX_BYTES = 4 << 30
"""Most bytes of array data that are read from one file, unpacked."""

MAX_MEMBERS = 2_000


def read_npy(path: Path) -> Table:
    """Reads one array: a vector is the column "values", a matrix has the columns "0", "1", …, and a
    structured array has its fields. See `read_table` for the errors."""
    with open_regular(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        array = read_array(str(path), source, size)
    return assemble(str(path), array_columns(str(path), "", array))


def read_npz(path: Path) -> Table:
    """Reads an archive of arrays: a vector is one column, the matrix m has the columns "m.0", "m.1", …
    See `read_table` for the errors."""
    columns: dict[str, Column] = {}
    with open_regular(path) as source:
        try:
            with zipfile.ZipFile(source) as archive:
                for member in _members(path, archive):
                    name = member.filename.removesuffix(".npy")
                    where = f"{path}, array {name!r}"
                    with archive.open(member) as stream:
                        array = read_array(where, cast(BinaryIO, stream), member.file_size)
                    columns.update(array_columns(where, name, array))
                    check_columns(str(path), len(columns))
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise DataFileError(f"{path}: damaged or no .npz archive ({error})") from None
    return assemble(str(path), columns)


def _members(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise DataFileError(f"{path}: {len(members):,} arrays, more than {MAX_MEMBERS:,}")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise DataFileError(f"{path}: unpacks to more than {MAX_BYTES >> 30} GiB; compare a sample instead")
    names = [member.filename for member in members]
    for name in names:
        if not name.endswith(".npy"):
            raise DataFileError(f"{path}: holds {name!r}, which is no array")
    if len(set(names)) < len(names):
        raise DataFileError(f"{path}: more than one array has the same name")
    return members


def read_array(where: str, source: BinaryIO, size: int) -> NDArray[Any]:
    """Reads one .npy stream of `size` bytes. Shape and type must account for the size to the byte."""
    shape, fortran, dtype, header = read_header(where, source)
    claimed = math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise DataFileError(f"{where}: larger than {MAX_BYTES >> 30} GiB; compare a sample of the rows instead")
    if claimed != size - header:
        raise DataFileError(f"{where}: damaged (the header claims {claimed:,} bytes, {max(0, size - header):,} follow)")
    if shape:
        check_rows(where, shape[0])
    data = source.read(claimed)
    if len(data) != claimed:
        raise DataFileError(f"{where}: cut short ({len(data):,} of {claimed:,} bytes)")
    array: NDArray[Any] = np.frombuffer(data, dtype=dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def read_header(where: str, source: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, column order, type and length in bytes of a .npy header. DataFileError when it is no such
    header, is too long, or describes Python objects."""
    magic = source.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise DataFileError(f"{where}: not a NumPy array")
    form = "<H" if magic[6] == 1 else "<I"
    count = source.read(struct.calcsize(form))
    length = struct.unpack(form, count)[0] if len(count) == struct.calcsize(form) else MAX_HEADER + 1
    if length > MAX_HEADER:
        raise DataFileError(f"{where}: damaged (the header is cut short or longer than {MAX_HEADER:,} bytes)")
    text = source.read(length)
    try:
        fields = ast.literal_eval(text.decode("utf-8" if magic[6] == 3 else "latin-1").strip())
        shape, fortran = fields["shape"], fields["fortran_order"]
        dtype = npy_format.descr_to_dtype(fields["descr"])
        sound = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError, IndexError):
        sound = False
    if not sound:
        raise DataFileError(f"{where}: damaged (the header cannot be read)")
    if dtype.hasobject:
        raise DataFileError(f"{where}: holds Python objects, which are never loaded; save numbers or text")
    return shape, bool(fortran), dtype, len(magic) + len(count) + length


def array_columns(where: str, name: str, array: NDArray[Any]) -> dict[str, Column]:
    """Columns of an array of one or two dimensions. DataFileError for more, for complex numbers and
    for text that is no Unicode."""
    dot = f"{name}." if name else ""
    if array.dtype.names is not None and array.ndim == 1:
        parts = {f"{dot}{field}": array[field] for field in array.dtype.names}
    elif array.ndim == 1:
        parts = {name or "values": array}
    elif array.ndim == 2:
        check_columns(where, array.shape[1])
        # One copy by columns costs less than many strided reads later.
        by_column = np.ascontiguousarray(array.T)
        parts = {f"{dot}{index}": by_column[index] for index in range(len(by_column))}
    else:
        raise DataFileError(f"{where}: {array.ndim} dimensions; columns need one or two")
    try:
        return {key: column_of(part) for key, part in parts.items()}
    except (TypeError, ValueError) as error:
        raise DataFileError(f"{where}: {error}") from None


def read_parquet(path: Path) -> Table:
    """Reads a Parquet file; fields of a struct are joined with a dot. Needs pyarrow, else DataFileError
    says how to install it. See `read_table` for the other errors."""
    with open_regular(path) as source:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise DataFileError(
                f"{path}: Parquet files need pyarrow; install it with: pip install 'exptui[parquet]'"
            ) from None
        try:
            file = pyarrow.parquet.ParquetFile(source)
            check_columns(str(path), len(file.schema_arrow.names))
            check_rows(str(path), file.metadata.num_rows)
            unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
            if unpacked > MAX_BYTES:
                raise DataFileError(f"{path}: unpacks to more than {MAX_BYTES >> 30} GiB; compare a sample")
            table = file.read().flatten()
            check_columns(str(path), table.num_columns)
            columns = {
                name: _arrow_column(pyarrow, table.column(index)) for index, name in enumerate(table.column_names)
            }
        except (pyarrow.ArrowException, OSError, TypeError) as error:
            raise DataFileError(f"{path}: damaged or no Parquet file ({error})") from None
    return assemble(str(path), columns)


def _arrow_column(pyarrow: Any, column: Any) -> Column:
    types = pyarrow.types
    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_timestamp(kind) or types.is_date(kind):
        return column_of(column.cast(pyarrow.timestamp("us")).to_numpy().astype("datetime64[us]"))
    if types.is_integer(kind) and column.null_count == 0:
        return column_of(column.to_numpy())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return column_of(column.cast(pyarrow.float64()).to_numpy())
    return column_of(np.array(column.to_pylist(), dtype=object))
