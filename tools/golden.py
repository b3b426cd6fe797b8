"""Golden files: the order list of every strategy on the embedded data, readable, and pinned by a hash.

``python -m tools.golden`` shows what has changed and writes it down anew; ``--check`` only shows, and exits with 1.

Shares are whole. Prices have six decimals: those of the data have two and the slippage four, so that no price is cut
and none depends on the last bit of a processor or a library.
"""

import argparse
import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dipfolio.data.bars import Bars
from dipfolio.data.folder import load_bars
from dipfolio.engine import loader
from dipfolio.engine.result import Result
from dipfolio.engine.simulation import simulate

ROOT = Path(__file__).parents[1]
STRATEGIES = ROOT / "strategies"
GOLDENS = ROOT / "tests" / "goldens"
HEADING = f"{'session':<10}  {'symbol':<6}  {'shares':>8}  {'price':>12}  {'at':<10}  what for"


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The order list of one strategy.

    Attributes
    ----------
    name : str
    equity : str
        The final equity in dollars and cents.
    fills : tuple of str
        One line for each, in the order in which they were executed.
    """

    name: str
    equity: str
    fills: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the lines, as hexadecimal digits."""
        return hashlib.sha256("\n".join(self.fills).encode()).hexdigest()

    @property
    def text(self) -> str:
        """The file."""
        head = (self.name, "", f"order list    sha256 {self.digest}", f"final equity  {self.equity}", "", HEADING)
        return "\n".join((*head, *self.fills)) + "\n"


def golden_of(result: Result) -> Golden:
    """What is pinned of a run."""
    return Golden(
        name=result.strategy,
        equity=f"{result.equity['equity'].iloc[-1]:.2f}",
        fills=tuple(
            f"{fill.session:%Y-%m-%d}  {fill.symbol:<6}  {fill.shares:>+8.10g}  {fill.price:>12.6f}  {fill.at:<10}  {fill.reason}"
            for fill in result.fills.itertuples()
        ),
    )


def current(name: str, bars: Bars) -> Golden:
    """What a strategy does today, with its defaults and the account's."""
    return golden_of(simulate(loader.load_strategy(STRATEGIES, name)(), bars))


def written(name: str, folder: Path = GOLDENS) -> Golden | None:
    """What is written down of a strategy, None if nothing is.

    Raises
    ------
    ValueError
        A file whose hash is not that of its lines: someone has edited it by hand.
    """
    path = folder / f"{name}.txt"
    if not path.is_file():
        return None
    title, _, _, equity, _, _, *fills = path.read_text(encoding="utf-8").splitlines()
    golden = Golden(name=title, equity=equity.split()[-1], fills=tuple(fills))
    if golden.text != path.read_text(encoding="utf-8"):
        raise ValueError(f"{path.name} was edited by hand: its hash is not that of its lines. Take it back from git.")
    return golden


def difference(name: str, before: Golden | None, after: Golden | None) -> str:
    """What has changed, for a person to judge; empty for nothing."""
    if before == after:
        return ""
    if before is None or after is None:
        golden, what = (after, "is new") if before is None else (before, "is gone")
        return f"{name} {what}: {len(golden.fills)} fills, final equity {golden.equity}" if golden else ""
    change = float(after.equity) - float(before.equity)
    head = (
        f"{name}: {len(before.fills)} fills -> {len(after.fills)}, "
        f"final equity {before.equity} -> {after.equity} ({change:+,.2f})"
    )
    return "\n".join((head, *_changes(before.fills, after.fills)))


def _changes(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    """Fills that moved are those of the same symbol, side and reason on both sides, in order; the rest came or went."""
    went, came = list((Counter(before) - Counter(after)).elements()), list((Counter(after) - Counter(before)).elements())
    if not went and not came and before != after:
        yield "  the same fills in another order"
    waiting = defaultdict(list)
    for line in came:
        waiting[_kind(line)].append(line)
    for line in went:
        if waiting[_kind(line)]:
            yield f"  moved  {line}\n     to  {waiting[_kind(line)].pop(0)}"
        else:
            yield f"  went   {line}"
    yield from (f"  came   {line}" for lines in waiting.values() for line in lines)


def _kind(line: str) -> tuple[str, str, str]:
    _, symbol, shares, _, _, reason = line.split(maxsplit=5)
    return symbol, shares[0], reason


def main(arguments: list[str] | None = None, folder: Path = GOLDENS) -> int:
    """Show every difference, and write it down unless it is only to be shown; returns the exit code."""
    there = {path.stem for path in folder.glob("*.txt")}
    strategies = loader.list_strategy_names(STRATEGIES)
    known = sorted({*strategies, *there})
    parser = argparse.ArgumentParser(prog="python -m tools.golden", description="Pin the fills of every strategy.")
    parser.add_argument("names", nargs="*", metavar="STRATEGY", help="only these  [default: all]")
    parser.add_argument("--check", action="store_true", help="show and write nothing; exit with 1 if anything differs")
    options = parser.parse_args(arguments)
    for name in set(options.names) - set(known):
        parser.error(f"no strategy {name!r}; there are {', '.join(known)}")
    bars, changed = load_bars(ROOT / "data"), 0
    folder.mkdir(exist_ok=True)
    for name in options.names or known:
        after = current(name, bars) if name in strategies else None
        told = difference(name, written(name, folder), after)
        changed += bool(told)
        if told:
            print(told, end="\n\n")
        if told and not options.check:
            _write(name, after, folder)
    print(f"{changed} of {len(options.names or known)} strategies changed{_remedy(changed, options.check)}.")
    return int(bool(changed and options.check))


def _remedy(changed: int, check: bool) -> str:
    if not changed:
        return ""
    return "; `python -m tools.golden` accepts that" if check else " and written down; commit the files if that was meant"


def _write(name: str, golden: Golden | None, folder: Path) -> None:
    path = folder / f"{name}.txt"
    if golden is None:
        path.unlink()
    else:
        path.write_text(golden.text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
