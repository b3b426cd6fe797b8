"""Nulls: markets in which nothing can be predicted, with volatility like that of real ones.

Simple returns of nights and days are martingale differences, so no rule that trades on what is known has an effect.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Market = tuple[Floats, Floats]
"""Night and day returns, each of shape (draws, sessions), or (draws, sessions, series) for several."""

TEN_YEARS, FOUR_YEARS = 2_516, 1_000
DAILY_DEVIATION = 0.02
NIGHT_SHARE = 0.35
"""Of the variance of a session."""
TAIL = 5
"""Degrees of freedom of the innovations."""


def _innovations(rng: np.random.Generator, draws: int, sessions: int, tail: float = TAIL) -> Floats:
    """Student's t with variance 1, nights and days, shape (sessions, draws, 2)."""
    drawn = rng.standard_t(tail, (sessions, draws, 2)) / np.sqrt(tail / (tail - 2))
    return np.asarray(drawn * np.sqrt([NIGHT_SHARE, 1 - NIGHT_SHARE]))


def _split(steps: Floats) -> Market:
    return np.ascontiguousarray(steps[..., 0].T), np.ascontiguousarray(steps[..., 1].T)


@functools.cache
def nasdaq() -> tuple[Floats, Floats]:
    """Night and day returns of the NASDAQ Composite 1999 to 2018, as the library arch has them, each of shape (sessions,)."""
    from arch.data import nasdaq as source

    bars = source.load()
    opened, close = bars["Open"].to_numpy(), bars["Close"].to_numpy()
    return opened[1:] / close[:-1] - 1, (close / opened - 1)[1:]


def flipped(rng: np.random.Generator, draws: int, *, whole_days: bool = False, sessions: int = TEN_YEARS) -> Market:
    """A random stretch of the NASDAQ with the signs of nights and days about their means flipped, together or each for itself."""
    found = [part - part.mean() for part in nasdaq()]
    start = rng.integers(0, len(found[0]) - sessions, draws)[:, None] + np.arange(sessions)
    signs = rng.choice([-1.0, 1.0], (2, draws, sessions))
    return found[0][start] * signs[0], found[1][start] * signs[0 if whole_days else 1]


def garch(
    rng: np.random.Generator, draws: int, *, sessions: int = TEN_YEARS, asymmetry: float = 0.0, drift: float = 0.0
) -> Market:
    """GARCH(1,1) with t innovations: ``h' = w + (a + g 1[r < 0]) r^2 + b h``, persistence 0.97; ``drift`` a session."""
    own = 0.09 - asymmetry / 2
    steps = _innovations(rng, draws, sessions + 250)
    variance, out = np.ones(draws), np.empty_like(steps)
    for row, drawn in enumerate(steps):
        moved = np.sqrt(variance)[:, None] * drawn
        out[row] = moved * DAILY_DEVIATION
        total = moved.sum(axis=1)
        variance = 0.03 + (own + asymmetry * (total < 0)) * total**2 + 0.88 * variance
    return _split(out[250:] + drift * np.array([NIGHT_SHARE, 1 - NIGHT_SHARE]))


def independent(rng: np.random.Generator, draws: int, *, sessions: int = TEN_YEARS) -> Market:
    """Sessions that are alike and independent, with t innovations."""
    return _split(DAILY_DEVIATION * _innovations(rng, draws, sessions))


def regimes(rng: np.random.Generator, draws: int) -> Market:
    """Calm sessions of 1.4 % and nervous ones of 3.6 %, which last 100 and 25 sessions on average."""
    nervous, sizes = np.zeros(draws, dtype=bool), np.empty((TEN_YEARS, draws))
    for row in range(TEN_YEARS):
        nervous ^= rng.random(draws) < np.where(nervous, 0.04, 0.01)
        sizes[row] = np.where(nervous, 0.036, 0.014)
    return _split(sizes[..., None] * _innovations(rng, draws, TEN_YEARS))


def jumps(rng: np.random.Generator, draws: int) -> Market:
    """Independent sessions of 1.7 % and a jump of 7 % in every 63rd night, as results of a company bring."""
    night, day = independent(rng, draws)
    night, day = night * 0.85, day * 0.85
    night[:, 30::63] += rng.normal(0, 0.07, night[:, 30::63].shape)
    return night, day


def panel(rng: np.random.Generator, draws: int, *, series: int = 5) -> Market:
    """Several series that share two thirds of their variance, each with GARCH volatility of its own and of the market."""
    common = garch(rng, draws, asymmetry=0.12)
    own = [garch(rng, draws) for _ in range(series)]
    night, day = (
        np.stack([np.sqrt(2 / 3) * common[part] + np.sqrt(1 / 3) * one[part] for one in own], axis=2) for part in (0, 1)
    )
    return night, day


NULLS: dict[str, Callable[[np.random.Generator, int], Market]] = {
    "real volatility, signs flipped": flipped,
    "the same, whole days flipped": functools.partial(flipped, whole_days=True),
    "GARCH(1,1)": garch,
    "GARCH, more after falls": functools.partial(garch, asymmetry=0.12),
    "GARCH with a trend of 25 % a year": functools.partial(garch, drift=0.001),
    "regimes of volatility": regimes,
    "jumps each quarter": jumps,
    "independent sessions": independent,
    "five series with a common factor": panel,
    "real volatility, four years": functools.partial(flipped, sessions=FOUR_YEARS),
    "GARCH, more after falls, four years": functools.partial(garch, asymmetry=0.12, sessions=FOUR_YEARS),
    "independent sessions, four years": functools.partial(independent, sessions=FOUR_YEARS),
}
"""By what is said of them."""
