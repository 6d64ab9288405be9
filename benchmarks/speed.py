"""What `rasa-asyncify` costs, in units of other work on the same files.

    python benchmarks/speed.py                      # everything: some six minutes
    python benchmarks/speed.py --only check file    # one or several groups
    python benchmarks/speed.py --files 2000 --repeat 9

Groups: `check` (nothing to do), `file` (one file), `tree` (a project that is migrated), `shapes` (how it grows).
Every duration is the shortest of several, all taken in turn in this one run on the same files; only their ratios are
printed. Exits 1 where one is over its limit, or where LibCST was imported although nothing was to be rewritten.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speed_runs import Failed, Run, copied, environment, peak_megabytes, script, seconds, shortest
from speed_shapes import SHAPES, write_shape
from speed_trees import write_synchronous_tree, write_tree

# Reads and parses the files one by one; no tree outlives its turn.
PARSE_ALL = """
import ast, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as source:
                ast.parse(source.read())
"""
ONE_FILE = Path(__file__).resolve().parent / "speed_templates" / "sync" / "one_file.txt"
GROUPS = ("check", "file", "tree", "shapes")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    value: float
    limit: float

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "OVER"
        return f"{self.what:<62} {self.value:>7.2f} {self.limit:>7.2f}  {verdict}"


class Benchmark:
    """Measures `tool` on trees that it makes below `folder`."""

    def __init__(self, tool: Sequence[str], folder: Path, files: int, repeat: int) -> None:
        self.tool = tool
        self.folder = folder
        self.files = files
        self.repeat = repeat

    def check(self) -> Iterator[Row]:
        """Where nothing is to be done."""
        runs = []
        for name, all_migrated in (("migrated", True), ("mixed", False)):
            tree = self.folder / name
            write_tree(tree, self.files, all_migrated=all_migrated)
            runs += [Run(_parsing(tree)), Run([*self.tool, "--check", str(tree)])]
        runs += [Run([sys.executable, "-c", "import click"]), Run([*self.tool, "--version"])]
        parse_all, check_all, parse_mixed, check_mixed, click, version = shortest(runs, self.repeat)
        yield Row("--check / parsing, all files migrated actions", check_all / parse_all, 1.8)
        yield Row("--check / parsing, one file in ten mentions Rasa", check_mixed / parse_mixed, 0.35)
        yield Row("--version / import click", version / click, 2.0)
        imported = any(self._imports_libcst(self.folder / name) for name in ("migrated", "mixed"))
        yield Row("LibCST is imported by --check (0: no)", float(imported), 0)

    def file(self) -> Iterator[Row]:
        """One file with two actions."""
        path = self.folder / "one" / "actions.py"
        path.parent.mkdir()
        path.write_text(ONE_FILE.read_text(encoding="utf-8"), encoding="utf-8")
        black = Run([*_needed("black"), "--check", str(path)], codes=(0, 1))
        diff, checked = shortest([Run([*self.tool, "--diff", str(path)]), black], 2 * self.repeat)
        yield Row("one file: --diff / black --check", diff / checked, 1.5)

    def tree(self) -> Iterator[Row]:
        """A project of which one file in three changes."""
        files = max(self.files * 4 // 5, 40)
        once, twice = self.folder / "once", self.folder / "twice"
        write_synchronous_tree(once, files)
        write_synchronous_tree(twice, 2 * files)
        serial, parallel = self._migrating(once, "serial", "-j1"), self._migrating(once, "parallel", "-j2")
        runs = [Run(_parsing(once)), self._migrating(once, "default"), serial, parallel]
        runs += [self._migrating(twice, "double")]
        parsed, migrated, in_one, in_two, double = shortest(runs, max(self.repeat // 2, 1))
        yield Row(f"migrating {files} files / parsing", migrated / parsed, 15)
        yield Row("migrating: peak memory, MB", peak_megabytes(runs[1]), 350)
        codemod = script("asyncify-codemod")
        if codemod is None:
            print("asyncify-codemod isn't installed: not compared", file=sys.stderr)
        else:
            copy = self.folder / "codemod"
            other = seconds(Run([*codemod, str(copy)], prepare=copied(once, copy)))
            yield Row("migrating / asyncify-codemod", migrated / other, 1)
        yield Row("twice the files", double / migrated, 2.2)
        yield Row("--jobs 2 / --jobs 1", in_two / in_one, 0.65)
        same = _contents(self.folder / "serial") == _contents(self.folder / "parallel")
        yield Row("--jobs 1 and 2 write other bytes (0: no)", float(not same), 0)

    def shapes(self) -> Iterator[Row]:
        """How the time grows with what may be large in a project."""
        for number, (label, (shape, size)) in enumerate(SHAPES.items()):
            trees = [self.folder / f"shape_{number}_{times}" for times in (1, 2)]
            for times, tree in enumerate(trees, 1):
                write_shape(tree, shape, times * size)
            runs = [Run([*self.tool, "--check", str(tree)], codes=(1,)) for tree in trees]
            once, twice = shortest(runs, 1)
            yield Row(f"{label.format(f'{2 * size:,}')} / of half as many", twice / once, 2.3)

    def _migrating(self, tree: Path, name: str, *options: str) -> Run:
        copy = self.folder / name
        return Run([*self.tool, *options, str(copy)], prepare=copied(tree, copy))

    def _imports_libcst(self, tree: Path) -> bool:
        """Whether `--check` imports LibCST, in its own process or in one that it starts."""
        done = subprocess.run(
            [*self.tool, "--check", str(tree)],
            env={**environment(), "PYTHONPROFILEIMPORTTIME": "1"},
            capture_output=True,
            text=True,
        )
        if "import time:" not in done.stderr:
            raise Failed("the interpreter does not report its imports")
        return "libcst" in done.stderr


def _parsing(tree: Path) -> list[str]:
    return [sys.executable, "-c", PARSE_ALL, str(tree)]


def _needed(name: str) -> list[str]:
    found = script(name)
    if found is None:
        raise Failed(f"{name} isn't installed")
    return found


def _contents(tree: Path) -> dict[str, bytes]:
    return {str(p.relative_to(tree)): p.read_bytes() for p in sorted(tree.rglob("*")) if p.is_file()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="which groups of rows")
    parser.add_argument("--files", type=int, default=1000, help="files in each tree")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each command")
    parser.add_argument("--tool", help="the command to measure instead of rasa-asyncify")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    tool = shlex.split(args.tool) if args.tool else script("rasa-asyncify")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        benchmark = Benchmark(
            tool or [sys.executable, "-m", "rasa_asyncify"], Path(temporary), args.files, args.repeat
        )
        print(f"{'':<62} {'ratio':>7} {'limit':>7}")
        try:
            for group in args.only:
                for row in getattr(benchmark, group)():
                    print(row, flush=True)
                    rows.append(row)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
