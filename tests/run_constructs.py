"""Run generated programs by hand, and print what came of them.

python tests/run_constructs.py --programs 3000 --seed 1 --jobs 2
python tests/run_constructs.py --seed 17 --only              # one, with its text before and after
python tests/run_constructs.py --pieces "protocol" "action"  # one, of the pieces named
python tests/run_constructs.py --singles                     # each construct alone on each leaf
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from constructs import ACTIONS, CONSTRUCTS, LEAVES, SCRIPTS  # noqa: E402
from constructs.generating import Program, random_program, small_program  # noqa: E402
from constructs.running import Problem, Verdict, judge  # noqa: E402

LIMIT = 60  # seconds for one program
LEAVES_OF_SINGLES = ("sleep", "requests.get", "requests.get, inline", "reading a file", "sqlite3, a query")


def judged(program: Program) -> Verdict:
    """Judge a program in a process of its own, which starts with all imports done."""
    folder = Path(tempfile.mkdtemp(prefix="constructs-"))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(program, folder, reading, writing)
    os.close(writing)
    answer, deadline = b"", time.monotonic() + LIMIT
    while select.select([reading], [], [], max(0, deadline - time.monotonic()))[0]:
        data = os.read(reading, 65536)
        if not data:
            break
        answer += data
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return _verdict(program, answer)


def _answer(program: Program, folder: Path, reading: int, writing: int) -> None:
    """In the child: judge, answer, and be gone, whatever threads there are."""
    os.close(reading)
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    try:
        verdict = judge(program, folder)
    except BaseException as error:
        verdict = Verdict(program.label, list(program.constructs))
        verdict.add("runner", repr(error))
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(json.dumps(asdict(verdict)).encode())
    os._exit(0)


def _verdict(program: Program, answer: bytes) -> Verdict:
    try:
        given = json.loads(answer)
    except ValueError:
        verdict = Verdict(program.label, list(program.constructs))
        verdict.add("hangs", f"nothing after {LIMIT} s, or it died")
        return verdict
    problems = [Problem(**one) for one in given.pop("problems")]
    return Verdict(**given, problems=problems)


def by_seed(seed: int) -> Verdict:
    """The verdict on a seed's program."""
    return judged(random_program(seed))


def by_names(names: Sequence[str]) -> Verdict:
    """The verdict on a small program."""
    return judged(small_program(names))


def singles(leaves: int) -> Iterator[tuple[str, ...]]:
    """Each construct on some leaves, in the plainest action; and each leaf, shape and script."""
    for leaf in LEAVES_OF_SINGLES[:leaves]:
        for one in CONSTRUCTS:
            yield (leaf, one.name)
        for shape in [*ACTIONS, *SCRIPTS]:
            yield (leaf, shape.name)
    for leaf in LEAVES:
        yield (leaf.name,)


# --- printing --------------------------------------------------------------------------------------


def sum_up(verdicts: Sequence[Verdict], seconds: float) -> str:
    """The figures, and below them what failed."""
    kinds = Counter(kind for verdict in verdicts for kind in {p.kind for p in verdict.problems})
    covered = {name for verdict in verdicts for name in verdict.constructs}
    behaving = {
        "different",
        "never awaited",
        "awaited no coroutine",
        "hangs",
        "invalid program",
        "runner",
        "crash",
    }
    lines = [
        f"programs               {len(verdicts)}",
        f"constructs covered     {len(covered)}",
        f"same                   {sum(not behaving & {p.kind for p in v.problems} for v in verdicts)}",
    ]
    lines += [
        f"{kind:22} {kinds[kind]}"
        for kind in (
            *(
                "different",
                "never awaited",
                "awaited no coroutine",
                "held unseen",
                "held elsewhere",
                "unstable",
            ),
            *("check", "not compiled", "given up", "crash", "hangs", "slow", "invalid program", "runner"),
        )
    ]
    lines += [
        f"without any problem    {sum(not v.problems for v in verdicts)}",
        f"with findings          {sum(bool(v.findings) for v in verdicts)}",
        f"with runs that fail    {sum(bool(v.failed_runs) for v in verdicts)} (before as well as after)",
        f"slowest migration      {max(v.seconds for v in verdicts):.2f} s",
        f"all in                 {seconds:.0f} s",
    ]
    return "\n".join(lines)


def show(verdict: Verdict) -> str:
    """One verdict that isn't good, with what it takes to see it again."""
    lines = [f"{verdict.label}: {', '.join(verdict.constructs)}"]
    lines += [f"    {problem.kind}: {problem.text[:600]}" for problem in verdict.problems]
    lines += [f"    finding: {finding}" for finding in verdict.findings]
    return "\n".join(lines)


def show_program(program: Program) -> None:
    """Print a program before and after, and its verdict."""
    from constructs.running import write
    from fixture_cases import migrate_tree

    folder = Path(tempfile.mkdtemp(prefix="constructs-"))
    write(program, folder)
    for path, text in program.files.items():
        print(f"# --- before: {path}\n{text}")
    result = migrate_tree(folder)
    for change in result.changes:
        if not change.path.name.startswith("_"):
            print(f"# --- after: {change.path.relative_to(folder.resolve())}\n{change.path.read_text()}")
    for finding in [*result.findings, *result.errors]:
        print(finding)
    print(show(judged(program)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="store_true", help="only this seed's program, in full")
    parser.add_argument("--pieces", nargs="+", help="only the program of these pieces, in full")
    parser.add_argument("--singles", action="store_true", help="each construct alone")
    parser.add_argument("--leaves", type=int, default=len(LEAVES_OF_SINGLES), help="on how many leaves each")
    parser.add_argument("--json", type=Path, help="write all verdicts there")
    given = parser.parse_args()
    if given.only or given.pieces:
        show_program(small_program(given.pieces) if given.pieces else random_program(given.seed))
        return 0
    gc.collect()
    gc.freeze()  # else each child would look through all that was imported, again and again
    started = time.monotonic()
    verdicts = []
    with ProcessPoolExecutor(given.jobs) as pool:
        seeds = range(given.seed, given.seed + given.programs)
        for verdict in (
            pool.map(by_names, singles(given.leaves)) if given.singles else pool.map(by_seed, seeds)
        ):
            verdicts.append(verdict)
            if verdict.problems:
                print(show(verdict), flush=True)
    print(sum_up(verdicts, time.monotonic() - started))
    if given.json:
        given.json.write_text(
            json.dumps([asdict(verdict) for verdict in verdicts], indent=1), encoding="utf-8"
        )
    return int(any(verdict.problems for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
