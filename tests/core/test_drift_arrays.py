"""Reading NumPy and Parquet files: headers are checked before anything is allocated, nothing is unpickled."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from exptui.drift import Table, read_table
from exptui.drift.tables import Labels, Numbers, Times
from exptui.errors import DataFileError


def npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npy_header(text, version=1):
    raw = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw


def read(tmp_path, content, name="data.npy"):
    (tmp_path / name).write_bytes(content)
    return read_table(tmp_path / name)


def test_a_vector_a_matrix_and_a_structured_array(tmp_path):
    assert list(read(tmp_path, npy(np.arange(5.0))).columns) == ["values"]
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    for array in (matrix, np.asfortranarray(matrix)):
        table = read(tmp_path, npy(array))
        assert [column.values.tolist() for column in table.columns.values()] == [[0, 2, 4], [1, 3, 5]]
    records = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U3")])
    table = read(tmp_path, npy(records))
    assert table.columns["n"].integer
    assert table.columns["s"].names == ("a", "b")


def test_every_kind_of_array_becomes_the_fitting_column(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(
        path,
        i=np.array([1, 2], dtype=np.uint8),
        f=np.array([1.5, np.nan], dtype=np.float16),
        b=np.array([True, False]),
        s=np.array(["x", "y"]),
        raw=np.array([b"x", b"\xff"]),
        t=np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
        m=np.arange(4.0).reshape(2, 2),
    )
    columns = read_table(path).columns
    assert set(columns) == {"i", "f", "b", "s", "raw", "t", "m.0", "m.1"}
    assert columns["i"].integer
    assert np.isnan(columns["f"].values[1])
    assert columns["b"].names == ("true", "false")
    assert isinstance(columns["raw"], Labels)
    assert isinstance(columns["t"], Times)
    assert columns["t"].values[0] == 1_704_067_200
    assert isinstance(columns["m.1"], Numbers)


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a NumPy array"),
        (b"hello, this is text", "not a NumPy array"),
        (npy_header(HUGE), "claims 800,000,000,000 bytes"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2 << 30) + b"{", "header"),
        (npy(np.arange(100.0))[:-8], "claims 800 bytes, 792 follow"),
        (npy(np.arange(100.0)) + b"extra", "damaged"),
        (npy_header("{'descr': '<f8', 'shape': (-1,), 'fortran_order': False}"), "header"),
        (npy_header("__import__('os').system('true')"), "header"),
        (npy_header("[" * 5000), "header"),
        (npy(np.array([{}, 1], dtype=object)), "Python objects"),
        (npy(np.array([(1, None)], dtype=[("a", "i4"), ("b", "O")])), "Python objects"),
        (npy(np.array([1j])), "complex128"),
        (npy(np.zeros((2, 2, 2))), "3 dimensions"),
        (npy(np.array(3.0)), "0 dimensions"),
        (npy(np.empty(0)), "no rows"),
        (npy(np.zeros((1, 2001))), "2,001 columns"),
    ],
    ids=[
        "empty file", "text", "huge shape", "huge header", "truncated", "trailing bytes", "negative shape",
        "code in the header", "deep header", "objects", "objects in a field", "complex numbers",
        "three dimensions", "a scalar", "no rows", "too many columns",
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["npy", "npz"])
def test_damage_is_refused(tmp_path, content, says, packed):
    name = "data.npy"
    if packed:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("x.npy", content)
        content, name = buffer.getvalue(), "data.npz"
    with pytest.raises(DataFileError) as error:
        read(tmp_path, content, name)
    assert says in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_header_that_claims_terabytes_allocates_next_to_nothing(tmp_path):
    tracemalloc.start()
    for content in (npy_header(HUGE), b"\x93NUMPY\x02\x00" + struct.pack("<I", 2 << 30)):
        with pytest.raises(DataFileError):
            read(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def archive_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (archive_of({"x.npy": npy(np.arange(500.0))})[:-30], "damaged"),
        (archive_of({"x.npy": npy(np.arange(9.0)), "evil.pkl": b"cos\nsystem\n."}), "'evil.pkl'"),
        (archive_of({"x.npy": npy(np.arange(9.0)), "y.npy": npy(np.arange(8.0))}), "differ in length"),
        (archive_of({f"{i}.npy": b"" for i in range(2001)}), "2,001 arrays"),
        (archive_of({}), "no rows"),
    ],
    ids=["empty", "truncated", "a pickle inside", "unequal lengths", "too many members", "no members"],
)
def test_damaged_archives_are_refused(tmp_path, content, says):
    with pytest.raises(DataFileError, match=says):
        read(tmp_path, content, "data.npz")


def test_a_flipped_byte_in_an_archive_is_refused(tmp_path):
    content = bytearray(archive_of({"x.npy": npy(np.random.default_rng(0).normal(size=500))}))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(DataFileError, match="damaged"):
        read(tmp_path, bytes(content), "data.npz")


def test_an_archive_that_unpacks_to_too_much_is_refused_before_unpacking(tmp_path, monkeypatch):
    monkeypatch.setattr("exptui.drift.binary.MAX_BYTES", 1 << 20)
    with pytest.raises(DataFileError, match="unpacks to more"):
        read(tmp_path, archive_of({"x.npy": npy(np.zeros(1 << 18))}), "data.npz")


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataFileError, match=r"pip install 'exptui\[parquet\]'"):
        read(tmp_path, b"PAR1", "data.parquet")


def test_parquet_columns(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = pa.table(
        {
            "i": pa.array([1, 2, 3]),
            "n": pa.array([1, None, 3]),
            "f": pa.array([0.5, None, 2.5]),
            "s": pa.array(["a", None, "b"]),
            "b": pa.array([True, False, None]),
            "d": pa.array(["x", "y", "x"]).dictionary_encode(),
            "t": pa.array([0, 1, None], type=pa.timestamp("s")),
            "st": pa.array([{"u": 1.5}, {"u": 2.5}, {"u": 3.5}]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    columns = read_table(tmp_path / "data.parquet").columns
    assert columns["i"].integer
    assert np.isnan(columns["n"].values).tolist() == [False, True, False]
    assert columns["s"].codes.tolist() == [0, -1, 1]
    assert columns["b"].names == ("true", "false")
    assert columns["d"].names == ("x", "y")
    assert isinstance(columns["t"], Times)
    assert columns["st.u"].values.tolist() == [1.5, 2.5, 3.5]
    with pytest.raises(DataFileError, match="no Parquet file"):
        read(tmp_path, b"PAR1 nothing", "bad.parquet")


def test_columns_in_memory_must_have_one_length_and_an_order():
    with pytest.raises(DataFileError, match="differ in length"):
        Table.of("t", {"a": [1.0], "b": [1.0, 2.0]})
    with pytest.raises(TypeError, match="complex"):
        Table.of("t", {"a": np.array([1j])})
