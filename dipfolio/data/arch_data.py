"""The index levels that the package arch ships: S&P 500 and NASDAQ Composite, daily, 1999 to 2018.

They are price indices: no dividends are in them. The word ``arch`` in the place of a data folder stands for them, unless
a folder of that name exists. They need no network and are joined with no other data. arch is imported when they are
read.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dipfolio.data.schema import FIELDS, FileFormat, PriceTable

ARCH_FOLDER = Path("arch")
"""What stands for these data in the place of a folder."""

ARCH_MODULES = {"^GSPC": "sp500", "^IXIC": "nasdaq"}
"""Symbol to the module of ``arch.data``."""

ARCH_FORMAT = FileFormat(file="arch", layout="arch", notes=("index levels as printed, no dividends",))


def names_arch(source: Path) -> bool:
    """True if a path is the word ``arch`` and no such file or folder exists."""
    return source == ARCH_FOLDER and not source.exists()


def arch_origin() -> dict[str, str]:
    """Source, day of retrieval and price convention, as :class:`dipfolio.data.bars.Origin` has them."""
    return {
        "source": f"example data of the Python package arch {version('arch')}: S&P 500 (^GSPC) and NASDAQ Composite (^IXIC)",
        "retrieved": "",
        "adjustment": "index levels as printed; price indices, so dividends are missing",
    }


def arch_prices() -> dict[str, PriceTable]:
    """The levels by symbol: open, high, low and close in points, volume in shares of the exchange."""
    return {symbol: _table(name) for symbol, name in ARCH_MODULES.items()}


@cache
def _table(name: str) -> PriceTable:
    frame = import_module(f"arch.data.{name}").load()
    cells = frame[[field.capitalize() for field in FIELDS]].to_numpy(dtype="float64").T
    return PriceTable(days=frame.index.to_numpy().astype("datetime64[D]"), cells=np.ascontiguousarray(cells))
