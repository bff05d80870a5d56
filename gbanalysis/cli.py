"""The command line: validate, build, convert and simulate. Each command calls one function of the package.

Exit status: 0 done, 1 a chapter or the build failed, 2 the data or the arguments are wrong.
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gbanalysis.errors import GBAnalysisError

app = typer.Typer(
    name="gbanalysis",
    help="Analysis of community group-buying: check your data, build the book on it, simulate a market.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Columns = Annotated[Path | None, typer.Option(help="TOML file that maps contract names to the names in your data.")]


def _say(text: str, quiet: bool) -> None:
    """Print a line, unless the user wants silence."""
    if not quiet:
        print(text, flush=True)


def _tell_days(done: int, total: int) -> None:
    """Say how many days are written: a line that is overwritten on a terminal, a line a batch in a log."""
    ending = "\r" if sys.stdout.isatty() and done < total else "\n"
    print(f"  {done:>6,} of {total:,} days", end=ending, flush=True)


@app.command()
def validate(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of parquet or CSV files, or a DuckDB file.")],
    columns: Columns = None,
    quiet: Quiet = False,
) -> None:
    """Check a data set against the data contract; status 0 when it is sound, 2 when it is not."""
    from gbanalysis.dataset.read import read_dataset
    from gbanalysis.dataset.validate import validate as check

    started = time.perf_counter()
    report = check(read_dataset(source, columns=columns))
    if not report.ok:
        print(report.text(), file=sys.stderr)
        raise typer.Exit(2)
    _say(report.text(), quiet)
    _say(f"Checked in {time.perf_counter() - started:.1f} s.", quiet)


@app.command()
def build(
    data: Annotated[Path | None, typer.Option(help="Your data; without it the simulated market is used.")] = None,
    columns: Columns = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the book; _build/html by default.")] = None,
    part: Annotated[list[str] | None, typer.Option(help="Build this part of the book only; may be repeated.")] = None,
    internal: Annotated[bool, typer.Option(help="Show small cells and user ids: for eyes inside the firm.")] = False,
    quiet: Quiet = False,
) -> None:
    """Build the book on the simulated market, or on your own data."""
    from gbanalysis.publish.build import build_book

    status = build_book(data=data, columns=columns, out=out, parts=tuple(part or ()), internal=internal, quiet=quiet)
    raise typer.Exit(status)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the tables and truth.json to.")],
    seed: Annotated[int, typer.Option(help="Seed: the same seed gives the same market.")],
    lines: Annotated[int, typer.Option(help="Order lines, about.", min=1)] = 40_000,
    days: Annotated[int, typer.Option(help="Days.", min=1)] = 90,
    family: Annotated[str, typer.Option(help="Family of worlds, see the page known_truth.")] = "standard",
    quiet: Quiet = False,
) -> None:
    """Write a simulated market with known truth."""
    from gbanalysis.market.simulation import simulate as make

    started = time.perf_counter()
    try:
        make(seed=seed, n_lines=lines, n_days=days, family=family, out=out, progress=None if quiet else _tell_days)
    except ValueError as error:
        raise GBAnalysisError(str(error)) from error
    _say(f"Wrote the market in {time.perf_counter() - started:.1f} s.", quiet)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="What to convert: complete-journey.")],
    out: Annotated[Path, typer.Option(help="Folder to write the tables to; rows that do not map go to rejected/.")],
    quiet: Quiet = False,
) -> None:
    """Write a data set that comes with a package as tables of the data contract."""
    from gbanalysis.dataset import sources

    converters = {"complete-journey": sources.convert_complete_journey}
    if source not in converters:
        raise GBAnalysisError(f"There is no source named {source!r}; there is: {', '.join(converters)}.")
    converters[source](out, progress=lambda text: _say(text, quiet))


def main() -> None:
    """Run the command line; an error that the package or the system names is one sentence and status 2."""
    try:
        app()
    except (GBAnalysisError, OSError) as error:
        print(f"gbanalysis: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
