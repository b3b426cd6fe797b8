"""Claims: how many of them are decided, on the embedded data and on the folder that DIPFOLIO_DATA names, with the decades.

Decided is more than luck, the opposite, or no effect that matters; a claim whose number is that of another is not counted.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dipfolio.data.folder import load_bars
from dipfolio.study.verdicts import judge_claims

ROOT = Path(__file__).parents[1]
DECIDED = ("more than luck", "the opposite", "no effect")


def report(rounds: int) -> Iterator[str]:
    """A line for each folder; ``rounds`` changes nothing."""
    del rounds
    for folder in filter(None, (str(ROOT / "data"), os.environ.get("DIPFOLIO_DATA", ""))):
        start = time.perf_counter()
        thesis = judge_claims(load_bars(folder), ROOT / "strategies", contests=False)
        counted = [verdict for verdict in thesis.verdicts if verdict.counted]
        decided = [f"{verdict.claim.id} {verdict.luck}" for verdict in counted if verdict.luck in DECIDED]
        words = Counter(verdict.luck for verdict in counted)
        yield f"{Path(folder).name}: {len(decided)} of {len(counted)} claims decided in {time.perf_counter() - start:.1f} s"
        yield f"  {', '.join(decided)}"
        yield f"  {', '.join(f'{number} {word}' for word, number in words.most_common())}"
