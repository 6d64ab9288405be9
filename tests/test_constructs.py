"""Generated programs do the same before and after, and hold the event loop only where a finding says so.

`tests/constructs` has the pieces and the generator. `python tests/run_constructs.py` runs as many programs as one
likes, each in a process of its own, and prints the figures.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from constructs import ACTIONS, CONSTRUCTS, LEAVES, SCRIPTS
from constructs.generating import random_program, small_program
from constructs.limits import KNOWN
from constructs.running import Verdict, judge

PROGRAMS = 60
QUICK = 8  # of them
NOT_HERE = {"slow"}  # the machine may be busy


def unexpected(verdict: Verdict) -> list[str]:
    """The problems that nothing in the program is known for."""
    known = NOT_HERE.union(*(KNOWN.get(name, ()) for name in verdict.constructs))
    return [f"{problem.kind}: {problem.text}" for problem in verdict.problems if problem.kind not in known]


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize(
    "seed", [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, PROGRAMS))]
)
def test_program(seed: int, tmp_path: Path) -> None:
    """To see it: `python tests/run_constructs.py --only --seed SEED`."""
    verdict = judge(random_program(seed), tmp_path)
    assert unexpected(verdict) == [], verdict.constructs


def test_a_seed_is_always_the_same_program() -> None:
    assert random_program(7) == random_program(7)
    assert random_program(7) != random_program(8)


def test_programs_in_a_row_have_all_constructs() -> None:
    programs = [random_program(seed) for seed in range(len(CONSTRUCTS))]
    used = {name for program in programs for name in program.constructs}
    assert {one.name for one in [*CONSTRUCTS, *ACTIONS, *LEAVES, *SCRIPTS]} <= used


def test_names_are_unique_and_limits_name_constructs() -> None:
    names = [one.name for one in [*CONSTRUCTS, *ACTIONS, *LEAVES, *SCRIPTS]]
    assert len(set(names)) == len(names)
    assert {name.removesuffix(", inline") for name in KNOWN} <= set(names)


@pytest.mark.parametrize("names", [("__str__",), ("sqlite3, a query", "operators")])
def test_what_blocks_unseen_is_told(names: tuple[str, ...], tmp_path: Path) -> None:
    """That the runner sees a held loop, which all of the others rely on."""
    assert {problem.kind for problem in judge(small_program(names), tmp_path).problems} == {"held unseen"}
