"""What `rasa-asyncify --check` costs where there is nothing to do, in units of parsing the files.

    python benchmarks/speed.py                # 1,000 files, five repetitions
    python benchmarks/speed.py --files 2000 --repeat 9

Generates two trees (see speed_trees.py): one of migrated actions only, one in which a tenth of the
files mentions Rasa. Every duration is the shortest of several, all taken in turn in this one run on
the same files; only their ratios are printed. Exits 1 where a ratio is over its limit, or where
LibCST was imported although nothing was to be rewritten.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speed_trees import write_tree

ROOT = Path(__file__).resolve().parent.parent

# Reads and parses the files one by one; no tree outlives its turn.
PARSE_ALL = """
import ast, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as source:
                ast.parse(source.read())
"""


class Failed(Exception):
    """A command that is measured did not do what it should."""


@dataclass(frozen=True)
class Ratio:
    """One line of the table."""

    what: str
    value: float
    limit: float

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "OVER"
        return f"{self.what:<58} {self.value:>6.2f} {self.limit:>6.2f}  {verdict}"


def environment() -> dict[str, str]:
    """This process's, with the tool importable from the source tree and compiled, as pip installs it."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": path,
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "speed-pycache"),
    }


def seconds(command: Sequence[str]) -> float:
    """The wall time of one run of a command.

    Raises:
        Failed: it ended with another code than 0; for `--check` that means it found work to do.
    """
    started = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    taken = time.perf_counter() - started
    if done.returncode:
        output = (done.stdout + done.stderr)[-2000:]
        raise Failed(f"{shlex.join(command)} ended with code {done.returncode}:\n{output}")
    return taken


def shortest(commands: Sequence[Sequence[str]], repeat: int) -> list[float]:
    """The shortest of `repeat` runs of each command, after one that warms the caches.

    The commands take turns, so that a busy spell of the machine meets all of them.
    """
    for command in commands:
        seconds(command)
    rounds = [[seconds(command) for command in commands] for _ in range(repeat)]
    return [min(taken) for taken in zip(*rounds, strict=True)]


def installed_tool() -> list[str]:
    """The console script beside this interpreter, or the module where there is none."""
    name = "rasa-asyncify.exe" if os.name == "nt" else "rasa-asyncify"
    script = Path(sys.executable).with_name(name)
    return [str(script)] if script.exists() else [sys.executable, "-m", "rasa_asyncify"]


def measure(tool: Sequence[str], trees: Sequence[Path], repeat: int) -> list[Ratio]:
    """Take all durations. Raises Failed as `seconds` does."""
    commands = []
    for tree in trees:
        commands.append([sys.executable, "-c", PARSE_ALL, str(tree)])
        commands.append([*tool, "--check", str(tree)])
    commands.append([sys.executable, "-c", "import click"])
    commands.append([*tool, "--version"])
    parse_all, check_all, parse_mixed, check_mixed, click, version = shortest(commands, repeat)
    return [
        Ratio("--check / parsing, all files migrated actions", check_all / parse_all, 2.5),
        Ratio("--check / parsing, one file in ten mentions Rasa", check_mixed / parse_mixed, 0.5),
        Ratio("--version / import click", version / click, 2.0),
    ]


def imports_libcst(tool: Sequence[str], tree: Path) -> bool:
    """Whether `--check` imports LibCST, in its own process or in one that it starts."""
    done = subprocess.run(
        [*tool, "--check", str(tree)],
        env={**environment(), "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
    )
    if "import time:" not in done.stderr:
        raise Failed("the interpreter does not report its imports")
    return "libcst" in done.stderr


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000, help="files in each tree")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each command")
    parser.add_argument("--tool", help="the command to measure instead of rasa-asyncify")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    tool = shlex.split(args.tool) if args.tool else installed_tool()
    with tempfile.TemporaryDirectory() as temporary:
        trees = [Path(temporary) / "migrated", Path(temporary) / "mixed"]
        for tree, all_migrated in zip(trees, (True, False), strict=True):
            written = write_tree(tree, args.files, all_migrated=all_migrated)
            lines = sum(path.read_text(encoding="utf-8").count("\n") for path in written)
            print(f"{tree.name}: {len(written)} files, {lines} lines", flush=True)
        try:
            ratios = measure(tool, trees, args.repeat)
            libcst = any(imports_libcst(tool, tree) for tree in trees)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{'':<58} {'ratio':>6} {'limit':>6}")
    print(*ratios, sep="\n")
    print(f"{'LibCST is imported by --check':<58} {'yes' if libcst else 'no':>6} {'no':>6}")
    return 0 if all(ratio.is_met for ratio in ratios) and not libcst else 1


if __name__ == "__main__":
    sys.exit(main())
