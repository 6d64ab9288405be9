"""What a run says: diffs, one line a file, and the summary. Decides nothing."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from rasa_asyncify.edits import (
    Edit,
    Fetch,
    MakeAsync,
    MoveBody,
    OffloadCall,
    OffloadExpression,
    RunCall,
    Sleep,
)
from rasa_asyncify.engine import Change, Result, relative
from rasa_asyncify.plan import Finding
from rasa_asyncify.rules import RULES


class Reporter:
    """Prints for one run. Diffs go to standard output, everything else to standard error."""

    def __init__(self, result: Result, quiet: bool, verbose: bool, writes: bool) -> None:
        self.result = result
        self.quiet = quiet
        self.verbose = verbose
        self.writes = writes

    def diff(self, change: Change, color: bool | None) -> None:
        """The unified diff of one file."""
        name = relative(change.path)
        before = change.before.text if change.before is not None else ""
        old = name if change.before is not None else "/dev/null"
        lines = difflib.unified_diff(_lines(before), _lines(change.after), old, name, n=3)
        colored = color if color is not None else sys.stdout.isatty()
        for line in lines:
            text = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            click.echo(_painted(text) if colored else text, nl=False, color=colored)

    def changed(self, change: Change) -> None:
        """One line for a changed file; with ``-v`` its decisions."""
        if self.quiet:
            return
        verb = "add" if change.before is None else "migrate"
        say = {"add": "added", "migrate": "migrated"}[verb] if self.writes else f"would {verb}"
        self._say(f"{say} {relative(change.path)}", bold=True)
        if change.unformatted:
            self._say(f"  not formatted by black: {change.unformatted}")
        if self.verbose and change.path in self.result.plan.modules:
            for edit in sorted(self.result.plan.modules[change.path].edits, key=lambda e: e.span):
                self._say(
                    f"  {relative(change.path)}:{edit.span.line}: {edit.rule} {_kind(edit)}: {edit.reason}"
                )

    def summary(self, paths: Sequence[Path]) -> None:
        """Errors, findings, counts and what is left to do."""
        for error in self.result.errors:
            place = relative(error.path) + (f":{error.line}" if error.line else "")
            click.secho(f"error: {place}: {error.cause}", fg="red", err=True)
        if self.quiet:
            return
        self._findings()
        self._counts()
        if self.result.changes:
            self._to_do(paths)

    # -- parts ---------------------------------------------------------------

    def _say(self, text: str, bold: bool = False) -> None:
        click.secho(text, bold=bold, err=True)

    def _findings(self) -> None:
        notes = self.result.plan.notes if self.verbose else []
        for finding in [*self.result.findings, *sorted(set(notes), key=_place)]:
            self._say(f"{relative(finding.path)}:{finding.line}: {finding.rule} {finding.message}")
        for code in sorted({f.rule for f in self.result.findings}):
            rule = RULES[code]
            self._say(f"{code} {rule.name}: {rule.why} {rule.do}".rstrip())

    def _counts(self) -> None:
        changes = self.result.changes
        edits = [e for c in changes if (m := self.result.plan.modules.get(c.path)) for e in m.edits]
        if not changes:
            if not self.result.errors and not self.result.findings:
                self._say("All done! Nothing to change.", bold=True)
            self._left()
            return
        would = "" if self.writes else "would be "
        runs = sum(e.actions for e in edits if isinstance(e, (MakeAsync, MoveBody)))
        functions = sum(isinstance(e, (MakeAsync, MoveBody)) and not e.actions for e in edits)
        native = sum(isinstance(e, (Sleep, Fetch)) for e in edits)
        moved = sum(isinstance(e, MoveBody) for e in edits)
        calls = sum(isinstance(e, (OffloadCall, OffloadExpression)) for e in edits)
        run = sum(isinstance(e, RunCall) for e in edits)
        self._say(f"{_count(runs, 'action')} {would}made async, with {_count(functions, 'other function')}.")
        self._say(
            f"{_count(native, 'call')} {would}native; {_count(calls, 'call')} and "
            f"{moved} whole {'body' if moved == 1 else 'bodies'} {would}sent to worker threads."
        )
        if run:
            self._say(f"{_count(run, 'call')} in tests and scripts {would}wrapped in asyncio.run().")
        self._left()
        modified = sum(c.before is not None for c in changes)
        self._say(
            f"{_count(modified, 'file')} {would}changed, {len(changes) - modified} {would}added, "
            f"{len(self.result.targets) - modified} left unchanged.",
            bold=True,
        )

    def _left(self) -> None:
        left = Counter(f.blocks for f in self.result.findings)
        if left[True]:
            self._say(
                f"{_count(left[True], 'place')} still blocks the event loop: see above."
                if left[True] == 1
                else f"{left[True]} places still block the event loop: see above."
            )

    def _to_do(self, paths: Sequence[Path]) -> None:
        edits = [e for m in self.result.plan.modules.values() for e in m.edits]
        if any(isinstance(e, Fetch) for e in edits):
            self._say(self._install())
        wider = sorted(self.result.plan.wider)
        if wider:
            names = [str(p) for p in paths] + [relative(p) for p in wider]
            command = " ".join(["rasa-asyncify", *(shlex.quote(n) for n in dict.fromkeys(names))])
            self._say(f"Callers lie outside of the given paths. To change them as well: {command}")
        if any(isinstance(e, (MakeAsync, MoveBody)) and e.actions for e in edits):
            self._say(
                "An async action can be cancelled while it waits: by a client that hangs up, and after "
                "SANIC_RESPONSE_TIMEOUT seconds (60 by default). Raise it for longer actions."
            )

    def _install(self) -> str:
        from rasa_asyncify.requirements import read_requirements, requirements_file_for

        requirements = read_requirements(self.result.root)
        if any(r.name == "aiohttp" for r in requirements):
            return "The migrated code needs aiohttp, which the project requires already."
        near = self.result.changes[0].path
        file = requirements_file_for(requirements, self.result.root, near)
        where = f"add `aiohttp` to {relative(file)}" if file else "pip install aiohttp"
        return f"The migrated code needs aiohttp: {where}."


def _place(finding: Finding) -> tuple[str, int]:
    return (str(finding.path), finding.line)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _kind(edit: Edit) -> str:
    return RULES[edit.rule].name


def _lines(text: str) -> list[str]:
    """Lines with their ends; only "\\n" ends one, whatever else a string holds."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _painted(line: str) -> str:
    if line.startswith(("+++", "---")):
        return click.style(line, bold=True)
    colors = {"+": "green", "-": "red", "@": "cyan"}
    return click.style(line, fg=colors[line[0]]) if line[0] in colors else line
