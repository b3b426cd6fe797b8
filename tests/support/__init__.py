"""Helpers of the tests, one file for each purpose.

bt_engine: the strategies of the second engine in the library ``bt``.
colour_vision: colours as people with and without colour vision deficiency see them, and their differences.
documents: blocks of code, commands, tables, links and headings of the documents.
firefox: Firefox, driven over WebDriver BiDi, with its console and the addresses that it asks for.
foreign_markets: data folders of made-up markets abroad, with calendars and currencies of their own.
formulas: formulas of the rows and charts of a tear sheet, in a line or a loop of numpy.
generated_files: markets, decisions and accounts for hypothesis.
killed_process: the program in processes that are killed before their n-th change on disk.
leaks: strategies that know the future, by their data or by hindsight.
long_runs: a large market and many runs, each in a process of its own.
markets: markets of a few bars made by hand, and random walks.
other_libraries: series as other programs write them, with the returns that pandas computes.
pages: the pages that browsers open, each written into a folder.
panels: panels of returns, made without a random generator or with the correlation of real shares.
paths: places on disk that are full or cannot be written.
plain_backtrader: one backtrader strategy in plain backtrader and in the account of dipfolio.
plain_rules: rules without an engine, as loops over lists from the CSV files.
programs: the program in this process, in a workspace of its own.
random_markets: random markets, decisions and accounts from a seed, run by every engine.
reports: the content of folders of reports, byte by byte.
runs: small runs without costs, and the fills after an entry.
second_engine: the rules of the account in plain loops, without code of dipfolio.
strategies: strategies whose targets are a table, or weights that a schedule restores.
sweeps: small strategies to sweep, and a result whose ranking is known.
tear_sheets: the tags and texts of a page, and the runs whose tear sheets are drawn.
trials: entries of the trial log.
yahoo: a local server that answers like Yahoo Finance.
"""
