"""``list``: every strategy with its one-line description."""

import click

from dipfolio.engine import catalogue


@click.command("list", short_help="Every strategy with its one-line description.")
@click.pass_context
def list_strategies(ctx: click.Context) -> None:
    """Every strategy with the claim it tests and the first line of its docstring, read without running any of them.

    Example: python backtest.py list | grep nvda
    """
    found = catalogue.entries(ctx.obj.strategies)
    width = max((len(entry.name) for entry in found), default=0)
    label = max((len(entry.claim) for entry in found), default=0)
    for entry in found:
        said = f"BROKEN: {entry.problem}" if entry.problem else entry.title
        click.echo(f"{entry.name:<{width}}  {entry.claim:<{label}}  {said}")
    if not found:
        click.echo(f"No strategy in {ctx.obj.strategies}; `{ctx.obj.command} init` brings examples.", err=True)
