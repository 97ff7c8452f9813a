"""Metric names, numbers and changes as a person says them: `F1`, `73%`, `latency 45 -> 12 ms`."""

from __future__ import annotations

import math
import re

from exptui.comparison import Comparison, MetricComparison
from exptui.metric_words import words

_UNITS = {
    "ms": "ms",
    "us": "us",
    "ns": "ns",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "kb": "KB",
    "mb": "MB",
    "gb": "GB",
    "mib": "MiB",
    "gib": "GiB",
    "usd": "USD",
    "j": "J",
    "kwh": "kWh",
    "watts": "W",
    "percent": "%",
    "pct": "%",
}
_BYTES = {"KB", "MB", "GB", "MiB", "GiB"}
_SIZES = {"size", "memory", "mem", "ram", "vram", "rss", "disk", "storage", "cache"}
"""Words after which a number of bytes needs no other: "model_kb" is the model size, "memory_mb" the memory."""

_ACRONYMS = words(
    """
    f1 auc auroc auprc ap mae mse rmse mape r2 bleu wer cer psnr ssim fid kl nll ece mcc mrr fpr tpr fnr tnr eer
    lpips flops gpu cpu qps fps
    """
)
_SPOKEN = {word: word.upper() for word in _ACRONYMS} | {
    "acc": "accuracy",
    "map": "mAP",
    "iou": "IoU",
    "miou": "mIoU",
    "ndcg": "nDCG",
    "mem": "memory",
}
_MOST = 6


def label(name: str) -> str:
    """The metric's name for a sentence: "val/f1" is "val F1", "latency_ms" is "latency"."""
    parts = _parts(name)
    said = parts[:-1] if unit(name) else parts
    if unit(name) in _BYTES and said and not _SIZES & {part.lower() for part in said}:
        said = [*said, "size"]
    return " ".join(_SPOKEN.get(part, part) for part in said) or name


def unit(name: str) -> str:
    """The unit that ends the name: "latency_ms" is in "ms"; empty if it names none."""
    parts = _parts(name)
    return _UNITS.get(parts[-1].lower(), "") if len(parts) > 1 else ""


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[_/\s]+|\.(?!\d)", name) if part]


def number(value: float, digits: int = 4) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.{digits}g}"


def percent(share: float) -> str:
    """An unsigned relative change: no decimals from 1% on, what is needed to see it below."""
    size = abs(share) * 100
    if not math.isfinite(size):
        return "infinitely"
    return f"{size:,.0f}%" if size >= 0.95 else f"{size:.1f}%" if size >= 0.1 else f"{size:.1g}%"


def above(share: float, limit: float) -> str:
    """`share` with as many digits as it takes to see that it is above `limit`: 5.01%, not 5%."""
    said = percent(share)
    return said if said != percent(limit) else f"{100 * abs(share):.4g}%"


def values(metric: MetricComparison) -> str:
    """ "45 -> 12 ms", with as many digits as it takes to see a difference; "45 ms" if there is none."""
    digits = 4
    while digits < 9 and metric.base != metric.cand and _shown(metric.base, digits) == _shown(metric.cand, digits):
        digits += 1
    base, cand = _shown(metric.base, digits), _shown(metric.cand, digits)
    mark = f" {unit(metric.name)}" if unit(metric.name) else ""
    return f"{base}{mark}" if base == cand else f"{base} -> {cand}{mark}"


def _shown(value: float, digits: int) -> str:
    return number(value) if digits == 4 else f"{value:.{digits}g}"


def amount(metric: MetricComparison) -> str:
    """How much a metric changed, without a sign: "3%", or "from 0 to 0.1" where no share exists."""
    if math.isinf(metric.rel):
        return f"from 0 to {number(metric.cand)}"
    return percent(metric.rel)


def worse(metric: MetricComparison) -> str:
    """ "latency is 12% worse" """
    if metric.state == "not_finite":
        return f"{label(metric.name)} is {number(metric.cand)}"
    if math.isinf(metric.rel):
        return f"{label(metric.name)} is worse ({amount(metric)})"
    return f"{label(metric.name)} is {amount(metric)} worse"


def better(metric: MetricComparison) -> str:
    """ "F1 improves by 2%" """
    if math.isinf(metric.rel):
        return f"{label(metric.name)} improves {amount(metric)}"
    return f"{label(metric.name)} improves by {amount(metric)}"


def change(metric: MetricComparison) -> str:
    """ "F1 0.92 -> 0.89 (-3.0 points)"; costs have their unit instead."""
    said = f"{label(metric.name)} {values(metric)}"
    difference = metric.cand - metric.base
    if difference == 0:
        return f"{said} (unchanged)"
    if metric.role == "cost" or not math.isfinite(difference):
        return said
    if metric.direction == 1 and 0 <= metric.base <= 1 and 0 <= metric.cand <= 1:
        points = 100 * difference
        shown = f"{points:+.1f}" if abs(points) >= 0.05 else f"{points:+.1g}"
        return f"{said} ({shown} points{_points_interval(metric)})"
    if metric.base == 0:
        return said
    sign = "+" if difference > 0 else "-"
    return f"{said} ({sign}{percent(difference / metric.base)})"


def _points_interval(metric: MetricComparison) -> str:
    if metric.interval is None:
        return ""
    return f", {100 * metric.interval.level:.3g}% interval {100 * metric.lo:+.1f} to {100 * metric.hi:+.1f}"


def all_changes(comparison: Comparison) -> str:
    """The primary metric's absolute values, then the costs', then other evaluation metrics'."""
    if not comparison.primary or not comparison.baseline:
        return ""
    metrics = [comparison.decisive, *comparison.costs, *comparison.secondary]
    shown = [change(metric) for metric in metrics[:_MOST] if not math.isnan(metric.base)]
    if len(metrics) > _MOST:
        shown.append(f"and {len(metrics) - _MOST} more")
    return ", ".join(shown)


def interval(metric: MetricComparison) -> str:
    """ "95% interval -3% to +5%" of the baseline, or in the metric's unit where the baseline is 0."""
    if metric.interval is None:
        return ""
    base = abs(metric.base)
    ends = [metric.lo / base, metric.hi / base] if base else [metric.lo, metric.hi]
    lo, hi = (("+" if end > 0 else "-") + (percent(end) if base else number(abs(end))) for end in ends)
    return f"{100 * metric.interval.level:.3g}% interval {lo} to {hi}"


def listed(parts: list[str]) -> str:
    """ "a, b and c" """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
