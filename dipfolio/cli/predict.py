"""The commands ``predict`` and ``judge``: a claim that is sealed before its outcome, and what became of it."""

import json
import math
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dipfolio.cli.groups import StrategyGroup
from dipfolio.cli.options import (
    CURRENCY_HELP,
    DATA_HELP,
    BenchmarkType,
    CurrencyType,
    DateType,
    FolderType,
    FractionType,
    SectionedCommand,
    SectionedOption,
    account_of,
    account_options,
    options_of,
    refuse_reserved_options,
)
from dipfolio.cli.output import progress
from dipfolio.cli.workspace import Workspace, open_trial_log, relative_to_cwd
from dipfolio.engine import loader
from dipfolio.engine.loader import stdout_to_stderr
from dipfolio.errors import DipfolioError, ParameterError

if TYPE_CHECKING:
    from dipfolio.data.bars import Bars
    from dipfolio.data.calendar import ExchangeCalendar
    from dipfolio.engine.strategy import StrategyBase
    from dipfolio.evidence.predictions import Judgement, Prediction, PredictionLog


@click.group(
    "predict",
    cls=StrategyGroup,
    command_of=lambda name, kind: predict_command(name, kind),
    short_help="Seal a claim about the future of a strategy.",
)
def predict_commands() -> None:
    """Write down what a strategy will do after today, so that nobody can change it once the outcome is known.

    The claim, the strategy with its parameters and its source, the account, the data known today and the bound that has to be
    passed go into predictions.jsonl. Each line has the hash of the line before. Publish the hash that is printed: it proves
    later that nothing was changed, and when it was sealed. `python backtest.py judge` says what came true.

    Example: python backtest.py predict dip-rule --hold 5 --until 2027-06-30 --more-than 1% --claim "Buying falls still pays"
    """


def predict_command(name: str, strategy: "type[StrategyBase]") -> click.Command:
    """The command that seals a prediction about one strategy.

    Raises
    ------
    StrategyError
        A parameter of the strategy has the name of another option.
    """
    from dipfolio.engine.strategy import title_of

    own = options_of(strategy, "Strategy")
    taken = any("--until" in option.opts for option in own)
    general = [*_options(["--end"] if taken else ["--until", "--end"]), *account_options()]
    refuse_reserved_options(name, own, general)

    def run(**values: Any) -> None:
        """Seal it."""
        _seal(strategy, values)

    return SectionedCommand(
        name,
        callback=run,
        params=[*own, *general],
        help=f"{title_of(strategy) or name}\n\nIts future is predicted: the window begins after today and after the data end.",
        epilog=f'Example: python backtest.py predict {name} --until 2027-06-30 --more-than 1% --claim "It beats SPY by 1 %"',
    )


def _options(last_session: list[str]) -> list[click.Option]:
    """The options of a prediction; ``--until`` is also called ``--end``, and only so where a parameter has its name."""
    folder, section = click.Path(path_type=Path), "Prediction"
    return [
        SectionedOption(["--claim"], required=True, help="what is claimed, in your words", section=section),
        SectionedOption(["end", *last_session], required=True, type=DateType(), help="last session", section=section),
        SectionedOption(
            ["--start"],
            type=DateType(),
            help="first session  [default: the first after today and after the data]",
            section=section,
        ),
        SectionedOption(
            ["--measure"],
            type=click.Choice(["benchmark", "profit"]),
            default="benchmark",
            show_default=True,
            help="profit: of the trades, in parts of the money put in; benchmark: that less the benchmark at the same times with "
            "the same dollars",
            section=section,
        ),
        SectionedOption(["--more-than"], type=FractionType(), help="the measure will be above this, such as 1%", section=section),
        SectionedOption(["--less-than"], type=FractionType(), help="the measure will be below this, such as 0", section=section),
        SectionedOption(
            ["--benchmark"],
            type=BenchmarkType(),
            default="SPY",
            show_default=True,
            help="symbol to compare with",
            section=section,
        ),
        SectionedOption(["--no-costs"], is_flag=True, help="trade, borrow and owe for nothing", section=section),
        SectionedOption(["--data"], type=folder, help=DATA_HELP, section=section),
        SectionedOption(["--currency"], type=CurrencyType(), help=CURRENCY_HELP, section=section),
        SectionedOption(
            ["--reports"], type=FolderType(), help="folder for predictions.jsonl  [default: reports]", section=section
        ),
        SectionedOption(["--json", "as_json"], is_flag=True, help="print the sealed line", section=section),
    ]


def _now() -> datetime:
    return datetime.now(UTC)


def _log(reports: Path | None) -> "PredictionLog":
    from dipfolio.evidence.predictions import PREDICTIONS_FILE, PredictionLog

    home: Workspace = click.get_current_context().obj
    return PredictionLog(relative_to_cwd(reports or home.reports) / PREDICTIONS_FILE)


def _seal(kind: "type[StrategyBase]", values: dict[str, Any]) -> None:
    from dipfolio.engine.parameters import list_parameters
    from dipfolio.evidence.predictions import Prediction

    home: Workspace = click.get_current_context().obj
    strategy = kind(**{item.name: values[item.name] for item in list_parameters(kind)})
    account, now = account_of(values), _now()
    bars = home.load(values["data"], strategy.symbols, values["benchmark"])
    known = bars.sessions[-1].date()
    first, last = _window(values, bars.calendar, max(known, now.date()))
    log = _log(values["reports"])
    sealed = log.seal(
        Prediction(
            number=0,
            sealed_at=now.isoformat(timespec="seconds"),
            claim=values["claim"],
            strategy=strategy.name,
            parameters=json.loads(json.dumps(strategy.parameters, default=str)),
            account=asdict(account),
            currency=values["currency"] or "",
            benchmark=values["benchmark"],
            window=(first.isoformat(), last.isoformat()),
            measure=values["measure"],
            more_than=values["more_than"],
            less_than=values["less_than"],
            data=bars.provenance.sha256,
            data_end=known.isoformat(),
            source=_source(home, strategy.name),
        )
    )
    if values["as_json"]:
        click.echo(json.dumps(asdict(sealed), indent=1))
        return
    click.echo(f"Prediction {sealed.number}: {sealed.claim}")
    click.echo(f"{strategy.name}, {first} to {last}: {sealed.bound}.")
    click.echo(f"Sealed at {sealed.sealed_at} in {log.path}.\nHash to publish: {sealed.sha256}")
    click.echo("One window is one observation: a claim that comes true once may have been luck.")


def _window(values: dict[str, Any], exchange: "ExchangeCalendar", known: date) -> tuple[date, date]:
    """The first and the last session of a prediction that is made when the sessions up to ``known`` are no future any more.

    Raises
    ------
    ParameterError
        A window without a session, or one that has begun.
    """
    earliest = exchange.offset(known, 1).date()
    start = values["start"] or earliest
    for flag, day in (("--start", start), ("--until", values["end"])):
        if day < earliest:
            raise ParameterError(f"{flag} {day} is no future: the first session after today and after the data is {earliest}.")
    sessions = exchange.between(start, values["end"])
    if not len(sessions):
        raise ParameterError(f"There is no session from {start} to --until {values['end']}.")
    return sessions[0].date(), sessions[-1].date()


def _source(home: Workspace, name: str) -> str:
    """The text of a strategy file."""
    return loader.strategy_file(home.strategies, name).read_text(encoding="utf-8")


@click.command("judge", short_help="What became of the sealed predictions.")
@click.option("--published", metavar="HASH", help="check first that this hash, published when a claim was sealed, is still there")
@click.option("--source", "source", type=int, metavar="NUMBER", help="print the strategy file as it was sealed, and end")
@click.option("--data", type=click.Path(path_type=Path), help=DATA_HELP)
@click.option("--reports", type=FolderType(), help="folder of predictions.jsonl  [default: reports]")
@click.option("--json", "as_json", is_flag=True, help="print it for machines")
@click.pass_obj
def judge_predictions(
    home: Workspace, /, published: str | None, source: int | None, data: Path | None, reports: Path | None, as_json: bool
) -> None:
    """Run the strategy of each prediction over its window, and say whether the claim came true.

    Nothing is judged if a line of the file was changed. A strategy file that has changed since is not run.

    Example: python backtest.py judge --published 3f1c9a40b7de
    """
    log = _log(reports)
    if published:
        log.check_published(published)
    predictions = log.read()
    if source is not None:
        click.echo(_sealed_source(predictions, source), nl=False)
        return
    if not predictions:
        click.echo("[]" if as_json else f"{log.path} has no prediction; `{home.command} predict --help` says how to seal one.")
        return
    with progress(None, "spinner text", "Judging") as shown:
        judgements = []
        for prediction in predictions:
            shown.advance(0, f"prediction {prediction.number}")
            judgements.append(_judged(home, prediction, data, reports or home.reports))
    if as_json:
        click.echo(json.dumps([_record(judgement) for judgement in judgements], indent=1))
        return
    for judgement in judgements:
        click.echo(_described(judgement))
    click.echo(_summary(judgements))


def _sealed_source(predictions: "tuple[Prediction, ...]", number: int) -> str:
    if not 1 <= number <= len(predictions):
        raise ParameterError(f"There is no prediction {number}; there are {len(predictions)}.")
    return predictions[number - 1].source


def _judged(home: Workspace, prediction: "Prediction", data: Path | None, reports: Path) -> "Judgement":
    """The judgement on one prediction; a mistake in its strategy or data is its remark, and the others are judged."""
    from dipfolio.evidence.predictions import Judgement

    try:
        return _run(home, prediction, data, reports)
    except DipfolioError as error:
        return Judgement(prediction=prediction, verdict="cannot be judged", remark=" ".join(str(error).split()))


def _run(home: Workspace, prediction: "Prediction", data: Path | None, reports: Path) -> "Judgement":
    from dipfolio.engine.account import Account
    from dipfolio.engine.parameters import parameters_from_json
    from dipfolio.engine.simulation import simulate
    from dipfolio.evidence.predictions import Judgement, judge
    from dipfolio.evidence.trial_log import trial_of

    if _source(home, prediction.strategy) != prediction.source:
        how = f"`python backtest.py judge --source {prediction.number}` prints the file that was sealed"
        raise ParameterError(f"The file of {prediction.strategy} is not the one that was sealed; {how}.")
    kind = loader.load_strategy(home.strategies, prediction.strategy)
    strategy = kind(**parameters_from_json(kind, prediction.parameters))
    bars = home.load(data, strategy.symbols, prediction.benchmark, prediction.currency)
    first, last = map(date.fromisoformat, prediction.window)
    if bars.sessions[-1].date() < last:
        return Judgement(prediction=prediction, verdict="open", remark=f"The data end on {bars.sessions[-1].date()}.")
    with stdout_to_stderr():
        result = simulate(strategy, bars, Account(**prediction.account), benchmark=prediction.benchmark, start=first, end=last)
    open_trial_log(reports).add([trial_of(result, bars=bars)])
    return judge(prediction, result, _revision(prediction, bars))


def _revision(prediction: "Prediction", bars: "Bars") -> str:
    """That the prices which were known then are others now, as after a dividend or a correction of the vendor; empty if not."""
    same = bars.until(date.fromisoformat(prediction.data_end)).provenance.sha256 == prediction.data
    return "" if same else f"The data up to {prediction.data_end} are not those that were known when it was sealed."


def _record(judgement: "Judgement") -> dict[str, Any]:
    record = asdict(judgement)
    return record | {"value": None if math.isnan(judgement.value) else judgement.value}


def _described(judgement: "Judgement") -> str:
    from dipfolio.report.format import count, percent

    prediction = judgement.prediction
    value = "" if math.isnan(judgement.value) else f": {percent(judgement.value)}, {count(judgement.trades, 'trade')}"
    lines = [
        f"{prediction.number}  {judgement.verdict}{value}",
        f"   {prediction.claim}",
        f"   {prediction.strategy}, {prediction.window[0]} to {prediction.window[1]}: {prediction.bound}; "
        f"sealed {prediction.sealed_at[:10]}, {prediction.sha256[:12]}",
    ]
    return "\n".join([*lines, *([f"   {judgement.remark}"] if judgement.remark else [])])


def _summary(judgements: "list[Judgement]") -> str:
    """How many came true of those that were judged; predictions that nobody counts would prove nothing."""
    true, false = (sum(one.verdict == verdict for one in judgements) for verdict in ("came true", "did not come true"))
    left = len(judgements) - true - false
    told = f"{true} of {true + false} judged came true." if true + false else "None could be judged so far."
    rest = f" {left} {'is' if left == 1 else 'are'} open or cannot be judged." if left else ""
    return f"{told}{rest} Each window is one observation."
