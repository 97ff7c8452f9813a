"""One file per tracker's format, each behind the protocol of `base`. The order is the order of precedence: a file
belongs to the first format that claims it."""

from __future__ import annotations

from exptui.formats.aim import AIM
from exptui.formats.base import Format
from exptui.formats.clearml_offline import CLEARML_OFFLINE
from exptui.formats.csvlog import CSV
from exptui.formats.dvclive import DVCLIVE
from exptui.formats.hf_trainer import HF_TRAINER
from exptui.formats.jsonl import DISGUISED_JSONL, JSONL
from exptui.formats.lightning_csv import LIGHTNING_CSV
from exptui.formats.mlflow_file import MLFLOW_FILE
from exptui.formats.mlflow_sqlite import MLFLOW_SQLITE
from exptui.formats.native import NATIVE
from exptui.formats.ray_tune import RAY_TUNE
from exptui.formats.sacred import SACRED
from exptui.formats.swanlab import SWANLAB
from exptui.formats.tensorboard import TENSORBOARD
from exptui.formats.trackio import TRACKIO
from exptui.formats.trackio_inbox import TRACKIO_JSONL
from exptui.formats.wandb import WANDB

FORMATS: tuple[Format, ...] = (
    NATIVE, WANDB, SWANLAB, MLFLOW_FILE, MLFLOW_SQLITE, TRACKIO, TRACKIO_JSONL, RAY_TUNE, HF_TRAINER, LIGHTNING_CSV,
    DVCLIVE, SACRED, CLEARML_OFFLINE, AIM, DISGUISED_JSONL, TENSORBOARD, CSV, JSONL,
)  # fmt: skip
