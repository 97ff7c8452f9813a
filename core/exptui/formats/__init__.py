"""One file per tracker's format, each behind the protocol of `base`. The order is the order of precedence: a file
belongs to the first format that claims it."""

from __future__ import annotations

from exptui.formats.base import Format
from exptui.formats.csvlog import CSV
from exptui.formats.jsonl import JSONL
from exptui.formats.native import NATIVE
from exptui.formats.tensorboard import TENSORBOARD

FORMATS: tuple[Format, ...] = (NATIVE, TENSORBOARD, CSV, JSONL)
