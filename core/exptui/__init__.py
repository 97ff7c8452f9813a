"""exptui: record, watch and compare machine-learning experiments.

In a training script: ``run = exptui.init(params={...}); run.log({"loss": 0.3}, step=1); run.finish()``.
Importing this package loads the standard library only.
"""

from exptui.recorder import Run, init

__all__ = ["Run", "__version__", "init"]

__version__ = "0.1.0"
