"""Exact: reading CSV so that every number is the float nearest to what is written."""

from pathlib import Path
from typing import Any

import pandas as pd

_OPTION = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
"""pandas 3.1 reads exactly unasked and warns of the option; older ones are off by a last digit without it."""


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """``pandas.read_csv`` with exact floats."""
    return pd.read_csv(path, **_OPTION, **options)
