"""Comparisons, drift reports and recommendations for the runs on the screen, each computed once per state.

Comparing two runs takes microseconds and is done where it is asked for; drift reads data files and is done in a
thread that the owner provides. Everything here is called from the UI thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exptui.errors import DataFileError
from exptui.records import RunRecord
from exptui.store import Store

if TYPE_CHECKING:
    from exptui.comparison import Comparison
    from exptui.drift.report import DriftReport
    from exptui.policy import Policy
    from exptui.recommend import Recommendation


@dataclass(frozen=True, slots=True)
class DriftState:
    """Where a drift report is: being computed (both None), there, or impossible for the reason in `error`."""

    report: DriftReport | None = None
    error: str | None = None


Job = Callable[[], DriftState]
Done = Callable[[DriftState], None]
Pair = tuple[Path, Path]


class Analysis:
    """`policy` None stands for the defaults. `spawn(job, done)` runs a job in a thread and calls `done` with its
    result in the UI thread; `ready(run id)` is called when a drift report has arrived. `awake` is False until the
    first paint is out, which needs no verdicts."""

    def __init__(
        self,
        store: Store,
        root: str,
        policy: Policy | None,
        spawn: Callable[[Job, Done], None],
        ready: Callable[[str], None],
    ) -> None:
        self._store = store
        self._root = Path(root)
        self._policy = policy
        self._spawn = spawn
        self._ready = ready
        self.awake = False
        self._drift: dict[object, DriftState] = {}
        self._recommendations: dict[str, tuple[tuple[object, ...], Recommendation]] = {}

    def comparison(self, baseline: RunRecord, candidate: RunRecord) -> Comparison:
        from exptui.compare import Side, compare

        return compare(Side.from_runs([baseline]), Side.from_runs([candidate]), self._policy)

    def recommendation(self, candidate: RunRecord) -> Recommendation:
        """The recommendation on what is known now. Where both runs declare their training data, its drift is checked
        too; until the report is there, `checking` says so."""
        from exptui.compare import Side, compare
        from exptui.recommend import recommend

        baseline = self._store.baseline
        drift = self._training_drift(baseline, candidate)
        inputs = (candidate, baseline, drift)
        known = self._recommendations.get(candidate.id)
        if known is not None and all(a is b for a, b in zip(known[0], inputs, strict=True)):
            return known[1]
        side = Side.from_runs([baseline]) if baseline else None
        report = drift.report if drift else None
        found = recommend(compare(side, Side.from_runs([candidate]), self._policy, report))
        self._recommendations[candidate.id] = inputs, found
        return found

    def checking(self, candidate: RunRecord) -> bool:
        """Whether the verdict may still change because drift is being checked."""
        state = self._training_drift(self._store.baseline, candidate)
        return state is not None and state.report is None and state.error is None

    def _training_drift(self, baseline: RunRecord | None, candidate: RunRecord) -> DriftState | None:
        from exptui.drift.runs import declares_data

        if baseline is None or baseline.id == candidate.id or not declares_data(candidate, baseline):
            return self._drift.get(self._key(baseline, candidate, None))
        return self.drift(baseline, candidate)

    def drift(self, baseline: RunRecord | None, candidate: RunRecord, pair: Pair | None = None) -> DriftState:
        """The drift of the candidate's data against the baseline's, or of a chosen pair of files. The first call
        starts the computation."""
        key = self._key(baseline, candidate, pair)
        if key not in self._drift:
            self._drift[key] = DriftState()

            def done(state: DriftState) -> None:
                self._drift[key] = state
                self._ready(candidate.id)

            self._spawn(lambda: self._compute(baseline, candidate, pair), done)
        return self._drift[key]

    def forget_drift(self) -> None:
        """Have data files read again the next time."""
        self._drift.clear()

    def declared(self, *runs: RunRecord | None) -> dict[str, Path]:
        """The data files that the runs declare, by a label for people. What may not be read is left out."""
        from exptui.drift.declared import declared_files

        found: dict[str, Path] = {}
        for run in runs:
            if run is not None:
                try:
                    files = declared_files(run, self._root)
                except DataFileError:
                    continue
                found |= {f"{run.name} · {name}": path for name, path in files.items()}
        return found

    def _compute(self, baseline: RunRecord | None, candidate: RunRecord, pair: Pair | None) -> DriftState:
        from exptui.drift.runs import files_drift, training_drift
        from exptui.policy import Policy

        policy = self._policy or Policy()
        try:
            if pair is None:
                report = training_drift(baseline, candidate, self._root, self._store.get, policy)
            else:
                report = files_drift(pair, policy, candidate)
        except (DataFileError, OSError, ValueError, MemoryError) as error:
            return DriftState(error=str(error) or type(error).__name__)
        return DriftState(report=report)

    @property
    def root(self) -> str:
        """The runs directory, an absolute path."""
        return str(self._root)

    @staticmethod
    def _key(baseline: RunRecord | None, candidate: RunRecord, pair: Pair | None) -> object:
        said = (repr(candidate.data), candidate.data_base, repr(baseline.data) if baseline else "")
        return candidate.id, baseline.id if baseline else None, pair, said
