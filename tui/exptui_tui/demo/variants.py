"""The demo's experiments: one recipe each, with what it is meant to show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from exptui_tui.demo.data import REFRESHED_FILE, TRAINING_FILE
from exptui_tui.demo.model import FeatureSet

BASELINE = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a training depends on, and nothing else. `failure_weight` is how much more a failed machine counts
    than another, `rate_growth` the factor by which the learning rate grows over the whole training (0 lets it
    fall to nothing along a cosine), and `teacher_share` how much of the target the baseline's opinion is."""

    features: FeatureSet = "raw"
    hidden: tuple[int, ...] = (384, 256)
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.008
    rate_growth: float = 0.0
    weight_decay: float = 1e-4
    failure_weight: float = 3.0
    teacher_share: float = 0.0
    batch_size: int = 64
    epochs: int = 12

    def params(self, seed: int) -> dict[str, object]:
        """The recipe as a run records it; what is off is left out."""
        told = {name: value for name, value in asdict(self).items() if value not in (0.0, None)}
        return {**told, "hidden": "x".join(map(str, self.hidden)), "seed": seed}


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe and the data file it is trained on, with the words its run is recorded under."""

    name: str
    hypothesis: str
    recipe: Recipe
    tags: tuple[str, ...] = ()
    data: str = TRAINING_FILE
    fails: bool = False


_PHYSICS = Recipe(
    features="physics",
    hidden=(48, 24),
    optimizer="adam",
    learning_rate=0.004,
    weight_decay=0.2,
    failure_weight=1.0,
    epochs=25,
)

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant(
            BASELINE,
            "A wide network on the plain sensor columns is good enough to plan maintenance.",
            Recipe(),
            ("production",),
        ),
        Variant(
            "candidate",
            "Power, strain and heat as features let a small network beat the wide one.",
            _PHYSICS,
            ("features",),
        ),
        Variant(
            "degraded",
            "A much smaller learning rate makes the training steadier and the model better.",
            Recipe(learning_rate=0.0004),
            ("tuning",),
        ),
        Variant(
            "drifted",
            "The candidate's recipe gets better still on this month's export of the sensors.",
            _PHYSICS,
            ("features", "new-data"),
            REFRESHED_FILE,
        ),
        Variant(
            "distilled",
            "A student of the baseline that is hundreds of times smaller loses little of its quality.",
            Recipe(
                hidden=(32,),
                optimizer="adam",
                learning_rate=0.006,
                weight_decay=0.05,
                failure_weight=0.5,
                teacher_share=0.32,
                epochs=30,
            ),
            ("compression",),
        ),
        Variant(
            "diverged",
            "A learning rate that keeps growing gets there in fewer steps.",
            Recipe(learning_rate=0.01, rate_growth=1e6, weight_decay=0.1),
            ("tuning",),
            fails=True,
        ),
    )
}
