"""The command line: reads options, has the engine work, writes and prints."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import click

from rasa_asyncify import __version__


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make the custom actions of a Rasa project asynchronous.",
    epilog="Exit codes: 0 done, or nothing to do; 1 with --check: something would change, or blocks; "
    "2 bad usage, a file that can't be read or parsed, or an internal error.",
)
@click.argument("paths", nargs=-1, metavar="[PATHS]...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if anything would change or blocks.")
@click.option("--diff", is_flag=True, help="Change nothing; print the changes as a diff.")
@click.option("--color/--no-color", default=None, help="Colour the diff (default: on a terminal).")
@click.option(
    "--exclude",
    metavar="REGEX",
    help="Files and folders to leave out, instead of the default ones.",
)
@click.option("--extend-exclude", metavar="REGEX", help="More files and folders to leave out.")
@click.option(
    "--black",
    type=click.Choice(["changed", "whole-file", "off"]),
    help="What black formats: what changed (default), the whole file, or nothing.",
)
@click.option(
    "--http",
    type=click.Choice(["aiohttp", "thread"]),
    help="What calls of requests become: aiohttp (default), or themselves in a worker thread.",
)
@click.option(
    "--http-session",
    type=click.Choice(["per-call", "shared"]),
    help="A client session for each aiohttp request (default), or one that all share.",
)
@click.option(
    "--executor-workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many threads the blocking calls of a package share (default: 32).",
)
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many processes rewrite modules, once there are many (default: one a processor).",
)
@click.option(
    "--stdin-filename",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The name of what `-` reads.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print every decision with its reason.")
@click.version_option(__version__, "--version", prog_name="rasa-asyncify", message="%(prog)s, %(version)s")
@click.pass_context
def main(
    context: click.Context,
    paths: tuple[Path, ...],
    check: bool,
    diff: bool,
    color: bool | None,
    exclude: str | None,
    extend_exclude: str | None,
    black: str | None,
    http: str | None,
    http_session: str | None,
    executor_workers: int | None,
    jobs: int | None,
    stdin_filename: Path | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Parse, run, print, exit."""
    from rasa_asyncify.session import Options, Session

    if not paths:
        click.echo(
            "No paths given. Nothing to do: try `rasa-asyncify actions/`, or `rasa-asyncify --help`.",
            err=True,
        )
        context.exit(0)
    options = Options(
        check=check,
        diff=diff,
        color=color,
        exclude=exclude,
        extend_exclude=extend_exclude,
        black=black,
        http=http,
        http_session=http_session,
        executor_workers=executor_workers,
        jobs=jobs,
        stdin_filename=stdin_filename,
        quiet=quiet,
        verbose=verbose,
    )
    try:
        context.exit(Session(paths, options).run())
    except KeyboardInterrupt:
        click.echo(
            "Aborted! Files are whole: changed ones as announced, the others as they were.",
            err=True,
        )
        sys.exit(130)


def run() -> None:
    """The console script: `main`, without taking the project's trees apart before the process ends."""
    gc.disable()  # nothing that lives this shortly is worth a collection
    try:
        main()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
