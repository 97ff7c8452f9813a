"""Drift between two data sets: has the data changed, by how much, and could it be chance?

Importing this package costs nothing; the public names load their module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptui.drift.declared import column_overrides, declared_files, training_pair
    from exptui.drift.report import ColumnDrift, DriftReport, DriftSettings, SchemaFinding
    from exptui.drift.tables import Table, read_table
    from exptui.drift.verdicts import benjamini_hochberg, compare_files, compare_tables

__all__ = [
    "ColumnDrift",
    "DriftReport",
    "DriftSettings",
    "SchemaFinding",
    "Table",
    "benjamini_hochberg",
    "column_overrides",
    "compare_files",
    "compare_tables",
    "declared_files",
    "read_table",
    "training_pair",
]

_HOME = {
    "ColumnDrift": "report",
    "DriftReport": "report",
    "DriftSettings": "report",
    "SchemaFinding": "report",
    "Table": "tables",
    "benjamini_hochberg": "verdicts",
    "column_overrides": "declared",
    "compare_files": "verdicts",
    "compare_tables": "verdicts",
    "declared_files": "declared",
    "read_table": "tables",
    "training_pair": "declared",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
