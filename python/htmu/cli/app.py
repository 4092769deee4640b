"""The Typer application, and the run of one command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from htmu.cli.exits import EPILOG, ExitCode, complain, guarded
from htmu.cli.fit import fit
from htmu.cli.info import info
from htmu.cli.kappa import kappa
from htmu.cli.law import law
from htmu.cli.ntk import ntk
from htmu.cli.reproduce import reproduce
from htmu.cli.results import export, plot, show
from htmu.cli.sweep import run_sweep
from htmu.cli.train import train
from htmu.sweeps.records import package_version

# Typer brings its own copy of Click or uses the real one, depending on its version; its public
# exception leads to the base class of both.
_PARSE_ERROR: type[Any] = typer.BadParameter.__mro__[2]

_SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="htmu",
    help="Eigenvalue repulsion (kappa) of structured random matrices, with error bars.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)
results = typer.Typer(
    help="Show, export or plot the results of a sweep.",
    epilog=EPILOG,
    rich_markup_mode="markdown",
    context_settings=_SETTINGS,
)
app.command("kappa", epilog=EPILOG)(guarded(kappa))
app.command("sweep", epilog=EPILOG)(guarded(run_sweep))
app.command("fit", epilog=EPILOG)(guarded(fit))
app.add_typer(results, name="results")
app.command("law", epilog=EPILOG)(guarded(law))
app.command("train", epilog=EPILOG)(guarded(train))
app.command("ntk", epilog=EPILOG)(guarded(ntk))
app.command("reproduce", epilog=EPILOG)(guarded(reproduce))
app.command("info", epilog=EPILOG)(guarded(info))
results.command("show", epilog=EPILOG)(guarded(show))
results.command("export", epilog=EPILOG)(guarded(export))
results.command("plot", epilog=EPILOG)(guarded(plot))


def _print_version(asked: bool) -> None:
    if asked:
        print(f"htmu {package_version()}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    _help_if_alone(context)


@results.callback(invoke_without_command=True)
def _results(context: typer.Context) -> None:
    _help_if_alone(context)


def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse and run a command line; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="htmu", standalone_mode=False)
    except _PARSE_ERROR as error:
        place = error.ctx.command_path if getattr(error, "ctx", None) else "htmu"
        complain(f"{error.format_message().rstrip('.')}; see {place} --help")
        return ExitCode.USAGE
    except typer.Abort:
        return ExitCode.INTERRUPTED
    return int(code or 0)
