"""Small faults put into a copy of the package: each must be noticed by the tables that run in milliseconds.

    python tests/mutations.py

prints for each which test noticed it; the exit code tells whether any survived.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLES = ("test_flow.py", "test_calls.py", "test_threads.py", "test_deciding.py", "test_rules.py")


@dataclass(frozen=True)
class Mutation:
    """In ``file`` of the package, ``old`` becomes ``new``."""

    what: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "a sleep's sign isn't looked at", "native/sleep.py", "(ast.Starred, ast.UnaryOp)", "ast.Starred"
    ),
    Mutation(
        "asyncio.run under a running loop",
        "deciding/obstacles.py",
        "return None if not self._under_a_loop(site.scope) else",
        "return None if site else",
    ),
    Mutation(
        "asyncio.run of what is run already",
        "deciding/callers.py",
        "and not _is_run_already(node, site.scope)",
        "",
    ),
    Mutation(
        "required arguments aren't counted",
        "calls/signatures.py",
        "len(positional) - len(arguments.defaults)",
        "0",
    ),
    Mutation(
        "defaults are required",
        "calls/signatures.py",
        "len(positional) - len(arguments.defaults)",
        "len(positional)",
    ),
    Mutation(
        "too many arguments", "calls/signatures.py", "given > len(positional)", "given > len(positional) + 1"
    ),
    Mutation(
        "a name read in a handler, after a failure",
        "flow/liveness.py",
        "parent.handlers if child in parent.body else []",
        "[]",
    ),
    Mutation(
        "a name read in a handler, of a clause beside",
        "flow/liveness.py",
        "parent.handlers if child in parent.body else []",
        "parent.handlers",
    ),
    Mutation(
        "a name read after its clause",
        "flow/dataflow.py",
        ".then(Flow(unbinds=names))",
        "",
    ),
    Mutation(
        "a name read in a handler, written by the body",
        "flow/dataflow.py",
        "found.beside(Flow(body",
        "body.then(Flow(body",
    ),
    Mutation(
        "the second run isn't looked at",
        "engine.py",
        "self._is_stable({**texts, **{c.path: c.data() for c in added}})",
        "True",
    ),
    Mutation(
        "star imports aren't followed", "project/index.py", "in module.scope.facts.star_imports", "in ()"
    ),
    Mutation(
        "what star imports take may go",
        "placing/taken_names.py",
        "for node in scope.facts.star_imports",
        "for node in ()",
    ),
    Mutation(
        "`return` in `finally` doesn't leave",
        "flow/dataflow.py",
        "leaves=found.leaves or last.leaves",
        "leaves=found.leaves",
    ),
    Mutation(
        "`finally` isn't run after a `return`",
        "flow/dataflow.py",
        "reads=found.reads | last.reads",
        "reads=found.reads",
    ),
    Mutation(
        "`return` in the `else` of a `try`",
        "flow/order.py",
        "[*rest, parent.orelse] if isinstance(parent, ast.Try)",
        "rest if isinstance(parent, ast.Try)",
    ),
    Mutation("a finding's code", "findings/unknown.py", 'Finding("RA108"', 'Finding("RA106"'),
    Mutation("an edit's code", "deciding/edit_making.py", '"RA002" if entry', '"RA003" if entry'),
)


def killer(mutation: Mutation, folder: Path) -> str | None:
    """The first test that notices the mutation, in a copy below ``folder``; None where none does."""
    package = folder / "rasa_asyncify"
    shutil.copytree(ROOT / "rasa_asyncify", package, ignore=shutil.ignore_patterns("__pycache__"))
    path = package / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        return f"{mutation.file} has {mutation.old!r} {text.count(mutation.old)} times: the mutation is out of date"
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    tests = [str(ROOT / "tests" / name) for name in TABLES]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    output = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout
    found = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(.+?)(?: - |$)", output, re.M)
    return found[1] if found else None


def main() -> int:
    survived = 0
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            test = killer(mutation, Path(folder))
        survived += test is None
        print(
            f"{'survived' if test is None else 'killed  '}  {mutation.what}{f': {test}' if test else ''}",
            flush=True,
        )
    print(f"{len(MUTATIONS) - survived} of {len(MUTATIONS)} killed")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
