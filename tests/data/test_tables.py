"""Tables: every way in which people write the same cells is read, and what could be meant in two ways is refused."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from dipfolio.data.folder import load_bars
from dipfolio.data.schema import FIELDS
from dipfolio.data.tables import normalise_numbers, read_text_rows
from dipfolio.errors import DataError

HEAD = ["Date", "Open", "High", "Low", "Close", "Volume"]
ROWS = [
    ["2025-01-24", 1148.37, 1148.97, 1141.88, 1142.62, 234657700],
    ["2025-01-27", 1124.8, 1128.4, 116.7, 1118.42, 818830900],
]


def written(separator=",", number=str, head=HEAD):
    stream = io.StringIO()
    table = csv.writer(stream, delimiter=separator, lineterminator="\n")
    table.writerows([head, *([row[0], *map(number, row[1:])] for row in ROWS)])
    return stream.getvalue()


def english(value):
    return f"{value:,}"


def german(value):
    return english(value).translate(str.maketrans(",.", ".,"))


def french(value):
    return english(value).replace(",", "\u202f").replace(".", ",")


def swiss(value):
    return english(value).replace(",", "\u2019")


COMMAS = ("decimal commas", "separators of thousands taken off")
TEXTS = {
    "plain": (written(), ()),
    "semicolons": (written(";"), ("cells between semicolons",)),
    "tabs": (written("\t"), ("cells between tabs",)),
    "decimal commas": (written(";", german), ("cells between semicolons", *COMMAS)),
    "decimal commas in quotes": (written(",", german), COMMAS),
    "spaces between thousands": (written(";", french), ("cells between semicolons", *COMMAS)),
    "commas between thousands": (written(",", english), ("separators of thousands taken off",)),
    "apostrophes between thousands": (written(",", swiss), ("separators of thousands taken off",)),
    "dollar signs": (written(",", lambda value: f"${value}"), ("dollar signs taken off",)),
    "dollars in words": (written(",", lambda value: f"{value} USD"), ("dollar signs taken off",)),
    "a line that names the separator": ("sep=;\n" + written(";"), ("cells between semicolons",)),
    "empty lines": ("\n\n" + written() + "\n,,,,,\n  \n", ()),
    "carriage returns": (written().replace("\n", "\r\n"), ()),
    "a line below": (written() + "Source: somebody's database\n", ("1 line below the table left out",)),
    "two lines below": (written() + "Data as of today,,,,,\nAll rights reserved\n", ("2 lines below the table left out",)),
}  # fmt: skip


def load(tmp_path, content):
    (tmp_path / "prices").mkdir(exist_ok=True)
    (tmp_path / "prices" / "NVDA.csv").write_bytes(content)
    return load_bars(tmp_path)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_same_cells_are_read_however_they_are_written(tmp_path, name, encoding):
    text, notes = TEXTS[name]
    bars = load(tmp_path, text.encode(encoding))
    for place, field in enumerate(FIELDS, start=1):
        assert getattr(bars, field)["NVDA"].tolist() == [row[place] for row in ROWS]
    assert bars.readings[0].notes == (*(["text in UTF-16"] if "16" in encoding else []), *notes)


def test_a_company_in_an_older_encoding_is_no_reason_to_refuse_its_prices(tmp_path):
    head = ["Symbol", "Name", *HEAD]
    text = "\n".join([",".join(head), *(",".join(["NVDA", "Société", *map(str, row)]) for row in ROWS)])
    assert load(tmp_path, text.encode("cp1252")).close["NVDA"].tolist() == [1142.62, 1118.42]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1,234", "5,678"], None),  # thousands or decimals: nobody can tell
        (["1,234", "12.5"], ["1234", "12.5"]),
        (["1,234", "12,5"], ["1.234", "12.5"]),
        (["12.5", "12,5"], None),  # both at once
        (["1.234.567", "1,5"], ["1234567", "1.5"]),
        (["0,123", "0,456"], ["0.123", "0.456"]),
        (["1,23,456"], None),
        (["$1,234.50", ""], ["1234.50", ""]),
        (["-1,5", "1.000"], ["-1.5", "1000"]),
        (["1.234"], ["1.234"]),  # a point alone is a decimal point
        (["\u20ac12,50", "3,5"], ["\u20ac12,50", "3.5"]),  # no dollars: left for whoever reads the cell
        (["1 000", "12.5"], ["1 000", "12.5"]),
    ],
)
def test_a_comma_is_read_by_the_cells_that_can_be_read_in_one_way_only(cells, found):
    (column,), _ = normalise_numbers([np.array(cells, dtype=object)])
    assert column.tolist() == (cells if found is None else found)


def test_a_number_in_two_possible_readings_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="the open of 2025-01-24 is '1,148', expected a number"):
        load(tmp_path, b"Date;Open;High;Low;Close;Volume\n2025-01-24;1,148;1,149;1,141;1,142;234\n")


def test_a_torn_last_row_is_no_footer(tmp_path):
    for tail in ("2025-01-28,1\n", "2025\n", "NVDA\n"):
        with pytest.raises(DataError, match="cells, the header 6"):
            load(tmp_path, (written() + tail).encode())


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('sep=;\na;b\n\n1;"two\nlines"\n3;4\n', encoding="utf-8")
    assert [number for number, _ in read_text_rows(path).rows] == [2, 5, 6]


@pytest.mark.parametrize("seed", range(60))
def test_random_tables_are_read_as_pandas_reads_them_when_it_is_told_how(tmp_path, seed):
    rng = np.random.default_rng(seed)
    separator, style = rng.choice([";", "\t"]), rng.choice(["de", "plain"])
    prices = np.round(rng.uniform(1, 5000, (5, 4)), int(rng.integers(1, 4)))
    volume = rng.integers(1, 10**9, 5)
    days = ["2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07", "2025-01-08"]
    word = german if style == "de" else str
    low, high = prices.min(axis=1), prices.max(axis=1)
    rows = [
        [day, *map(word, [first, top, bottom, last]), word(int(traded))]
        for day, (first, last, *_), top, bottom, traded in zip(
            days, prices.tolist(), high.tolist(), low.tolist(), volume.tolist(), strict=True
        )
    ]
    text = "\n".join(separator.join(row) for row in [HEAD, *rows])
    how = {"decimal": ",", "thousands": "."} if style == "de" else {}
    expected = pd.read_csv(io.StringIO(text), sep=separator, **how)
    bars = load(tmp_path, text.encode())
    for field in FIELDS:
        assert getattr(bars, field)["NVDA"].tolist() == pytest.approx(expected[field.capitalize()].tolist(), rel=1e-15)
