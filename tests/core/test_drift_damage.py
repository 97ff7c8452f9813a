"""Files damaged at random are compared or refused with a `DataFileError`, and nothing else ever happens."""

from __future__ import annotations

import io
import json
import random

import numpy as np
import pytest

from exptui.drift import compare_files
from exptui.errors import DataFileError


def saved(save, *args, **arrays):
    buffer = io.BytesIO()
    save(buffer, *args, **arrays)
    return buffer.getvalue()


SOUND = {
    "csv": b'a,b,c\n1,x,"q"\n2,,3\nnan,inf,1e400\n4,5,6\n' * 3,
    "jsonl": b'{"a":1,"b":{"c":"x"}}\n{"a":NaN,"b":-Infinity}\n{"a":null,"d":[1]}\n' * 3,
    "npy": saved(np.save, np.array([(1, 2.5, "ab")] * 6, dtype=[("a", "i8"), ("b", "f4"), ("c", "U3")])),
    "npz": saved(np.savez, x=np.arange(9.0), y=np.array(list("abcdefghi")), t=np.array(["2024-01-01"] * 9, "M8[D]")),
}


def damaged(sound, rng):
    content = bytearray(sound)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content))
        match rng.randrange(5):
            case 0:
                del content[at : at + rng.randint(1, 9)]
            case 1:
                content[at:at] = rng.randbytes(3)
            case 2:
                content[at] = rng.choice(b',\n"-0e.')
            case _:
                content[at] = rng.randrange(256)
    return bytes(content)


@pytest.mark.parametrize("ending", SOUND)
def test_random_damage_never_gets_past_the_readers(tmp_path, ending):
    rng = random.Random(ending)
    (tmp_path / f"sound.{ending}").write_bytes(SOUND[ending])
    refusals = []
    for _ in range(400):
        (tmp_path / f"hurt.{ending}").write_bytes(damaged(SOUND[ending], rng))
        try:
            report = compare_files(tmp_path / f"sound.{ending}", tmp_path / f"hurt.{ending}")
            json.dumps(report.as_json(), allow_nan=False)
        except DataFileError as error:
            refusals.append(str(error))
    assert refusals
    assert all(str(tmp_path) in refusal for refusal in refusals)


def test_text_that_is_no_unicode_is_refused(tmp_path):
    array = np.array(["ab", "cd"])
    content = saved(np.save, array)
    (tmp_path / "bad.npy").write_bytes(content[:-4] + b"\xff\xff\xff\x7f")
    (tmp_path / "good.npy").write_bytes(content)
    with pytest.raises(DataFileError, match="no Unicode"):
        compare_files(tmp_path / "good.npy", tmp_path / "bad.npy")
    np.save(tmp_path / "swapped.npy", array.astype(array.dtype.newbyteorder("S")))
    assert compare_files(tmp_path / "good.npy", tmp_path / "swapped.npy").schema_findings == ()
