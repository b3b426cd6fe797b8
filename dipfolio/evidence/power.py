"""Power: which effects a test of this size could have found, to be told beside every one that found nothing."""

import math

from dipfolio.errors import ParameterError


def power(effect: float, deviation: float, observations: float, size: float = 0.05) -> float:
    """Probability that a two-sided z test finds an effect: ``Phi(-z - d) + 1 - Phi(z - d)``, ``d = effect sqrt(n) / sd``.

    MacKinlay (1997, J. of Economic Literature 35, section 7).

    Parameters
    ----------
    effect, deviation : float
        True mean, and standard deviation of one observation.
    observations : float
        Independent ones: clusters of events, not trades or names.
    size : float
        Of the test.
    """
    from scipy import stats

    _check(deviation, observations, size)
    z, d = stats.norm.ppf(1 - size / 2), effect * math.sqrt(observations) / deviation
    return float(stats.norm.cdf(-z - d) + stats.norm.sf(z - d))


def detectable(deviation: float, observations: float, size: float = 0.05, chance: float = 0.8, sides: int = 2) -> float:
    """Smallest mean that is found with the given chance: ``(z(1 - size / sides) + z(chance)) sd / sqrt(n)``.

    Parameters
    ----------
    deviation : float
        Of one observation.
    observations : float
        Independent ones.
    size, chance : float
        Of the test, and of estimate the effect.
    sides : {1, 2}

    Raises
    ------
    ParameterError
        Probabilities outside 0 to 1, or not one observation.
    """
    from scipy import stats

    _check(deviation, observations, size)
    if not 0 < chance < 1 or sides not in (1, 2):
        raise ParameterError(f"The chance lies between 0 and 1 and a test has 1 or 2 sides, found {chance} and {sides}.")
    z = stats.norm.ppf(1 - size / sides) + stats.norm.ppf(chance)
    return float(z * deviation / math.sqrt(observations))


def _check(deviation: float, observations: float, size: float) -> None:
    if deviation <= 0 or observations < 1 or not 0 < size < 1:
        raise ParameterError(
            f"Power needs a deviation above 0, 1 or more observations and a size between 0 and 1, found {deviation}, "
            f"{observations} and {size}."
        )
