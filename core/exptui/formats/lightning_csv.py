"""Lightning's CSVLogger: `metrics.csv` and `hparams.yaml` in one directory per version.

The table is sparse, is rewritten with another header when a new metric appears, and is deleted when a training
resumes into the same version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.csvlog import CsvLog
from exptui.formats.documents import Documents
from exptui.formats.textlog import SingleLogReader
from exptui.records import RunFacts, Signs

METRICS = "metrics.csv"
HPARAMS = "hparams.yaml"
_HOME = "lightning_logs"


class LightningFormat:
    name = "lightning_csv"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        parents = folder.path.split("/")
        at_home = _HOME in parents[:-1] or parents[-1].startswith("version_")
        logged, described = METRICS in folder.files, HPARAMS in folder.files
        starting = described and at_home and not _has_events(folder)
        if (logged and (described or at_home)) or starting:
            names = [name for name in folder.files if name in (METRICS, HPARAMS)]
            yield Source(folder.path or ".", self, {folder.below(name): folder.files[name] for name in names})

    def reader(self, root: str, source: Source) -> Reader:
        return LightningReader(root, source.path)


def _has_events(folder: Folder) -> bool:
    return any("tfevents" in name for name in folder.files)


class LightningReader:
    def __init__(self, root: str, path: str) -> None:
        prefix = "" if path == "." else f"{path}/"
        self._metrics, self._hparams = prefix + METRICS, prefix + HPARAMS
        self._documents = Documents(root)
        self._root = root
        self._log = self._opened()
        self._logged = False

    def _opened(self) -> SingleLogReader:
        return SingleLogReader(self._metrics, CsvLog, f"{self._root}/{self._metrics}")

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta(facts=RunFacts(), signs=Signs())
        if self._metrics in files:
            delta = next(self._log.read(files, budget))
            self._logged = True
        elif self._logged:
            self._log, self._logged, delta.restarted = self._opened(), False, True
        self._documents.refresh([self._hparams], files)
        delta.facts = RunFacts(params=self._documents.value(self._hparams))
        self._documents.report(delta, files)
        yield delta


LIGHTNING_CSV = LightningFormat()
