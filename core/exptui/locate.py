"""Which runs directory is meant when none is named."""

from __future__ import annotations

import os

from exptui.errors import RunsDirectoryError

VARIABLE = "EXPTUI_RUNS"

_USUAL = ("runs", "mlruns", "wandb", "lightning_logs", "swanlog", "experiments", "logs", "dvclive", "ray_results")


def runs_directory(named: str | None) -> str:
    """The named directory, else $EXPTUI_RUNS, else what trackers usually leave here.

    Raises RunsDirectoryError, with a hint, when nothing of that is there.
    """
    chosen = named or os.environ.get(VARIABLE)
    if chosen:
        return chosen
    for name in _USUAL:
        if os.path.isdir(name):
            return name
    raise RunsDirectoryError(
        f"no runs directory here; name one (exptui PATH), set ${VARIABLE}, or try `exptui demo` for one to explore"
    )
