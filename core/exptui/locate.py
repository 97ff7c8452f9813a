"""Which runs directory is meant, and whether it can be listed."""

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


def check_root(root: str) -> None:
    """Raises RunsDirectoryError, with the mend, unless `root` is a directory that can be listed."""
    try:
        os.scandir(root).close()
    except FileNotFoundError:
        raise RunsDirectoryError(f"{root}: no such directory; name the directory your runs are in") from None
    except NotADirectoryError:
        parent = os.path.dirname(root) or "."
        raise RunsDirectoryError(f"{root}: is a file; name the directory that holds it: {parent}") from None
    except OSError as error:
        raise RunsDirectoryError(f"{root}: cannot be listed: {error.strerror}; check its permissions") from None
