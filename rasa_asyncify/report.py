"""What a run says: diffs, one line a file, and the summary. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rasa_asyncify.changes import Change, Result, relative
from rasa_asyncify.plan import Finding

if TYPE_CHECKING:
    from rasa_asyncify.edits import Edit
    from rasa_asyncify.summary import Counts


class Reporter:
    """Prints for one run. Diffs go to standard output, everything else to standard error."""

    def __init__(self, result: Result, quiet: bool, verbose: bool, writes: bool) -> None:
        self.result = result
        self.quiet = quiet
        self.verbose = verbose
        self.writes = writes

    def diff(self, change: Change, color: bool | None) -> None:
        """The unified diff of one file."""
        import difflib

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
            edits = self.result.plan.modules[change.path].edits
            for edit in sorted((e for e in edits if e.says_more), key=lambda e: e.span):
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
        self._to_do(paths, self._counts())

    # -- parts ---------------------------------------------------------------

    def _say(self, text: str, bold: bool = False) -> None:
        click.secho(text, bold=bold, err=True)

    def _findings(self) -> None:
        notes = self.result.plan.notes if self.verbose else []
        for finding in [*self.result.findings, *sorted(set(notes), key=_place)]:
            self._say(f"{relative(finding.path)}:{finding.line}: {finding.rule} {finding.message}")
        from rasa_asyncify.rules import RULES

        for code in sorted({f.rule for f in self.result.findings}):
            rule = RULES[code]
            self._say(f"{code} {rule.name}: {rule.why} {rule.do}".rstrip())

    def _counts(self) -> Counts | None:
        """Say what changed; the counts, or None where nothing did."""
        changes = self.result.changes
        if not changes:
            if not self.result.errors and not self.result.findings:
                self._say("All done! Nothing to change.", bold=True)
            self._left()
            return None
        from rasa_asyncify.summary import count

        modules = self.result.plan.modules
        counts = count([e for c in changes if c.path in modules for e in modules[c.path].edits])
        would = "" if self.writes else "would be "
        others = _count(counts.functions, "other function")
        self._say(f"{_count(counts.actions, 'action')} {would}made async, with {others}.")
        bodies = f"{counts.bodies} whole {'body' if counts.bodies == 1 else 'bodies'}"
        self._say(
            f"{_count(counts.native, 'call')} {would}native; {_count(counts.offloaded, 'call')}, "
            f"{_count(counts.blocks, 'block')} and {bodies} {would}sent to worker threads."
        )
        if counts.wrapped:
            self._say(
                f"{_count(counts.wrapped, 'call')} in synchronous code {would}wrapped in asyncio.run()."
            )
        self._left()
        modified = sum(c.before is not None for c in changes)
        self._say(
            f"{_count(modified, 'file')} {would}changed, {len(changes) - modified} {would}added, "
            f"{len(self.result.targets) - modified} left unchanged.",
            bold=True,
        )
        return counts

    def _left(self) -> None:
        left = sum(f.blocks for f in self.result.findings)
        if left:
            text = "1 place still blocks" if left == 1 else f"{left} places still block"
            self._say(f"{text} the event loop: see above.")

    def _to_do(self, paths: Sequence[Path], counts: Counts | None) -> None:
        if counts is not None and counts.aiohttp:
            self._say(self._install())
        for line in self._superfluous():
            self._say(line)
        wider = sorted(self.result.plan.wider)
        if wider:
            names = [str(p) for p in paths] + [relative(p) for p in wider]
            command = " ".join(["rasa-asyncify", *(_quoted(n) for n in dict.fromkeys(names))])
            self._say(f"Callers or helpers lie outside of the given paths. To change them as well: {command}")
        if counts is not None and counts.actions:
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

    def _superfluous(self) -> Iterator[str]:
        """Where the project requires what nothing in it imports any more."""
        if not self.result.unused:
            return
        from rasa_asyncify.requirements import read_requirements

        for item in read_requirements(self.result.root):
            if item.name in self.result.unused:
                place = f"{relative(item.path)}:{item.line}"
                yield f"Nothing imports {item.name} any more: it can go from {place}."


def _place(finding: Finding) -> tuple[str, int]:
    return (str(finding.path), finding.line)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _kind(edit: Edit) -> str:
    from rasa_asyncify.rules import RULES

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
