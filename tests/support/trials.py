"""Made-up entries of the register."""

import numpy as np

from dipfolio.evidence.trial_log import SweepTrials, Trial

TERMS = {"window": ("2020-01-02", "2021-01-04"), "figures": "abc", "observations": 250}


def trial(number=1, ratio=0.05, family="F2"):
    """A variant with a drop of so many per cent."""
    return Trial(
        family=family, strategy="dip-rule", parameters={"drop": number / 100, "sigmas": None},
        ratio=ratio, **TERMS,
    )  # fmt: skip


def swept(drops, holds, ratios, **changes):
    """A sweep over these drops and holding times; NaN for a variant that never traded."""
    ratios = np.asarray(ratios, dtype=float)
    known = ratios[~np.isnan(ratios)]
    terms = {
        "family": "dip-rule", "strategy": "dip-rule", "axes": {"drop": tuple(drops), "hold": tuple(holds)},
        "traded": len(known), "mean": known.mean(), "squares": ((known - known.mean()) ** 2).sum(), **TERMS,
    }  # fmt: skip
    return SweepTrials(**{**terms, **changes})


def singles(drops, holds, ratios):
    """The same with an entry for each variant."""
    places = [(drop, hold) for drop in drops for hold in holds]
    terms = {"family": "dip-rule", "strategy": "dip-rule", **TERMS}
    return [
        Trial(parameters={"drop": drop, "hold": hold}, ratio=float(ratio), **terms)
        for (drop, hold), ratio in zip(places, np.ravel(ratios), strict=True)
    ]
