"""Currencies: the sign that stands before an amount, and the word of one that has none."""

from dipfolio.data.currency import currency_sign, shown_in


def test_amounts_are_shown_with_the_sign_of_their_currency():
    assert currency_sign() == "$"
    with shown_in("CHF"):
        assert currency_sign() == "CHF "
    assert currency_sign() == "$"
