"""Charts of how old trained tokens were, and of what the correction did with those of each age.

They have the form of `templates/panels.yaml`. The numbers are a step's `correction.by_lag`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rl.report_records import finite, lookup

APART: Final = 5
"""Lags that are shown apart, as the style sheet has colours; older tokens are one series."""


def lag_shares(row: Mapping[str, Any]) -> Mapping[str, float]:
    """The share of a step's trained tokens by lag, those of `APART` and more under `more`."""
    tokens: dict[str, float] = {}
    for lag, numbers in _by_lag(row):
        name = str(lag) if lag < APART else "more"
        tokens[name] = tokens.get(name, 0.0) + (finite(lookup(numbers, "tokens")) or 0.0)
    total = sum(tokens.values())
    return {name: count / total for name, count in tokens.items()} if total else {}


def lag_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts by lag, where a run trained on tokens of more than one."""
    lags = sorted({lag for row in rows for lag, _ in _by_lag(row)})
    if len(lags) < 2:
        return []
    apart = [lag for lag in lags if lag < APART]
    shares = [(f"lag_share.{lag}", f"lag {lag}", f"lag{lag}") for lag in apart]
    if apart != lags:
        shares.append(("lag_share.more", f"{APART} and more", f"lag{APART}"))
    return [
        {
            "title": "Trained tokens by lag",
            "caption": "Share of a step's trained tokens by how many updates older the policy was "
            "that sampled them.",
            "unit": "share",
            "full_scale": True,
            "series": [
                {"key": key, "label": label, "style": "stack", "colour": colour}
                for key, label, colour in shares
            ],
        },
        *(
            {
                "title": title,
                "caption": caption,
                "unit": unit,
                "series": [
                    {
                        "key": f"correction.by_lag.{lag}.{metric}",
                        "label": f"lag {lag}",
                        "style": "line",
                        "colour": f"lag{lag}",
                    }
                    for lag in apart
                ],
            }
            for title, caption, unit, metric in (
                (
                    "Distance by lag",
                    "The k3 estimate of the KL divergence between sampler and learner, nats a "
                    "token, of the tokens of each lag.",
                    "number",
                    "k3",
                ),
                (
                    "Clipped by lag",
                    "Share of the tokens of each lag whose probability ratio was clipped.",
                    "share",
                    "clip_fraction",
                ),
            )
        ),
    ]


def _by_lag(row: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    by_lag = lookup(row, "correction.by_lag")
    for lag, numbers in by_lag.items() if isinstance(by_lag, Mapping) else ():
        if isinstance(lag, str) and lag.isdecimal():
            yield int(lag), numbers
