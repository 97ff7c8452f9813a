"""Data and real trainings for `exptui demo`: which machines fail within a day, told from their sensors."""
