"""Choice: fetched figures go before the embedded ones, whole or not at all."""

from dipfolio.market.choice import Choice, choose


def folder(path, *symbols, retrieved=""):
    (path / "prices").mkdir(parents=True)
    for symbol in symbols:
        (path / "prices" / f"{symbol}.csv").write_text("date\n", encoding="utf-8")
    (path / "source.json").write_text(f'{{"retrieved": "{retrieved}"}}', encoding="utf-8")
    return path


def test_without_fetched_figures_the_embedded_are_taken_and_nothing_is_said(tmp_path):
    embedded = folder(tmp_path / "data", "A", "B")
    assert choose(tmp_path / "data" / "cache", embedded, ("A",)) == Choice(folder=embedded)


def test_fetched_figures_that_have_every_symbol_are_taken_and_that_is_said(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "A", "C", retrieved="2026-11-24")
    chosen = choose(fetched, embedded, ("A", "C"))
    assert chosen.folder == fetched
    assert chosen.reason == f"Figures: {fetched}, retrieved 2026-11-24, before {embedded}."


def test_figures_of_two_folders_are_never_mixed(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "A", "C")
    chosen = choose(fetched, embedded, ("A", "B"))
    assert chosen.folder == embedded
    assert chosen.reason == f"Figures: {embedded}, as {fetched} lacks B; `python backtest.py data fetch B` brings them."


def test_where_neither_has_every_symbol_the_fetched_say_what_is_missing(tmp_path):
    embedded, fetched = folder(tmp_path / "data", "A", "B"), folder(tmp_path / "data/cache", "C")
    assert choose(fetched, embedded, ("A", "C")).folder == fetched
