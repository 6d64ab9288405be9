"""How a case was migrated, and the table that sums it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from differential.loading import PARTS
from rasa_asyncify.edits import (
    InlineRequest,
    MoveBody,
    OffloadBlock,
    OffloadCall,
    OffloadExpression,
    UseAsyncClient,
)
from rasa_asyncify.plan import ModulePlan

KINDS = ("native", "mixed", "offloaded", "left")
# The edits that send a request without a thread.
NATIVE = (InlineRequest, UseAsyncClient)
OFFLOADED = (OffloadCall, OffloadExpression, OffloadBlock, MoveBody)


@dataclass(frozen=True)
class Verdict:
    """How one case was migrated: its kind, why it has no equal, the difference that it shows.

    `raw_queries`: the requests' queries differ, though they mean the same.
    """

    part: str
    name: str
    kind: str
    executor: str = ""
    differs: str = ""
    raw_queries: bool = False


def kind_of(plan: ModulePlan | None) -> str:
    """How the plan for a module treats its calls; "left" where nothing sends them elsewhere."""
    made = plan.edits if plan is not None else []
    native = any(isinstance(edit, NATIVE) for edit in made)
    offloaded = any(isinstance(edit, OFFLOADED) for edit in made)
    if native and offloaded:
        return "mixed"
    return "native" if native else "offloaded" if offloaded else "left"


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """The lines of the report."""
    head = f"{'part':<12}{'cases':>7}{'written out':>13}{'mixed':>7}{'threads':>9}{'left':>6}{'differ':>8}"
    rows = [_row(part, [v for v in verdicts if v.part == part]) for part in PARTS]
    lines = [head, *filter(None, rows), _row("all", verdicts)]
    differ = Counter(verdict.differs for verdict in verdicts if verdict.differs)
    lines += ["", "differ by what the README lists:"]
    lines += [f"  {name:<30}{count:>4}" for name, count in differ.most_common()]
    not_native = sorted(f"{v.part}/{v.name} ({v.kind})" for v in verdicts if v.kind != "native")
    lines += ["", f"not written out, or not as a whole: {len(not_native)}"]
    lines += [f"  {name}" for name in not_native]
    raw = sum(verdict.raw_queries for verdict in verdicts)
    lines += ["", f"other raw bytes in the query, with the same meaning: {raw}"]
    return lines


def _row(part: str, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    kinds = Counter(verdict.kind for verdict in verdicts)
    counts = "".join(f"{kinds[kind]:>{width}}" for kind, width in zip(KINDS, (13, 7, 9, 6), strict=True))
    differ = sum(bool(verdict.differs) for verdict in verdicts)
    return f"{part:<12}{len(verdicts):>7}{counts}{differ:>8}"
