"""Exact: every digit that is written counts, on every pandas."""

import numpy as np

from dipfolio.market.exact import read_csv


def test_every_number_is_the_float_nearest_to_what_is_written(tmp_path):
    numbers = np.random.default_rng(5)
    values = np.concatenate([numbers.uniform(0, 1000, 20_000), np.exp(numbers.uniform(-300, 300, 20_000))])
    (tmp_path / "x.csv").write_text("a\n" + "\n".join(map(repr, values.tolist())) + "\n", encoding="utf-8")
    assert (read_csv(tmp_path / "x.csv")["a"].to_numpy() == values).all()


def test_a_number_with_more_digits_than_a_float_has_is_rounded_once(tmp_path):
    texts = [f"{value:.25f}" for value in np.random.default_rng(6).uniform(0, 1000, 20_000)]
    (tmp_path / "x.csv").write_text("a\n" + "\n".join(texts) + "\n", encoding="utf-8")
    assert read_csv(tmp_path / "x.csv")["a"].tolist() == [float(text) for text in texts]
