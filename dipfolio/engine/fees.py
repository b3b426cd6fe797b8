"""Fees: what the SEC and FINRA charge on a sale, by the date of the sale.

Section 31 of the Exchange Act: dollars per million of the amount sold; sources are the SEC's fee rate advisories
(effective dates below; 2025-05-14 from Federal Register 2025-06214). FINRA Trading Activity Fee: dollars per share
with a cap per trade; Schedule A to the FINRA By-Laws, section 1, and SR-FINRA-2024-019 for 2026 and later.
Both are charged on short sales as on any other; buyers pay neither. Before its first row, a table's first row is used.
"""

from typing import Any

import numpy as np

SECTION_31 = (
    ("2015-02-14", 18.40),
    ("2016-02-16", 21.80),
    ("2017-07-04", 23.10),
    ("2018-05-22", 13.00),
    ("2019-04-16", 20.70),
    ("2020-02-18", 22.10),
    ("2021-02-25", 5.10),
    ("2022-05-14", 22.90),
    ("2023-02-27", 8.00),
    ("2024-05-22", 27.80),
    ("2025-05-14", 0.00),
    ("2026-04-04", 20.60),
)
TRADING_ACTIVITY = (
    ("2012-07-01", 0.000119, 5.95),
    ("2022-01-01", 0.000130, 6.49),
    ("2023-01-01", 0.000145, 7.27),
    ("2024-01-01", 0.000166, 8.30),
    ("2026-01-01", 0.000195, 9.79),
    ("2027-01-01", 0.000232, 11.61),
)

_SEC_DAYS = np.array([day for day, _ in SECTION_31], dtype="datetime64[D]")
_SEC_RATES = np.array([rate / 1e6 for _, rate in SECTION_31])
_TAF_DAYS = np.array([day for day, _, _ in TRADING_ACTIVITY], dtype="datetime64[D]")
_TAF_RATES = np.array([rate for _, rate, _ in TRADING_ACTIVITY])
_TAF_CAPS = np.array([cap for _, _, cap in TRADING_ACTIVITY])


def sale_fees(shares: Any, price: Any, day: Any) -> Any:
    """Section 31 fee plus Trading Activity Fee, in dollars.

    Parameters
    ----------
    shares : float or array
        Signed; only sales (negative) are charged.
    price : float or array
        Dollars per share.
    day : datetime64[D] or array
        Date of the sale.
    """
    sold = np.maximum(-np.asarray(shares, dtype=float), 0.0)
    sec = sold * price * _SEC_RATES[_row(_SEC_DAYS, day)]
    taf = _row(_TAF_DAYS, day)
    return sec + np.minimum(sold * _TAF_RATES[taf], _TAF_CAPS[taf])


def _row(days: np.ndarray, day: Any) -> Any:
    return np.maximum(np.searchsorted(days, day, side="right") - 1, 0)
