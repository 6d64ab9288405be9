"""How a case was migrated, and the table that sums it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from differential.loading import PARTS
from rasa_asyncify import edits
from rasa_asyncify.edits import MoveBody, OffloadCall, OffloadExpression
from rasa_asyncify.plan import ModulePlan

KINDS = ("native", "mixed", "offloaded", "left")
# The edits that send a request without a thread.
NATIVE = tuple(
    getattr(edits, name)
    for name in ("InlineRequest", "AiohttpCall", "UseAsyncClient")
    if hasattr(edits, name)
)
OFFLOADED = (OffloadCall, OffloadExpression, MoveBody)
WANTED = 0.85  # the share of native cases among those that the issue leaves to the tool


@dataclass(frozen=True)
class Verdict:
    """How one case was migrated: its kind, the issue's word where it has one, and what a run showed.

    `raw_queries`: the requests' queries differ, though they mean the same.
    """

    part: str
    name: str
    kind: str
    executor: str = ""
    raw_queries: bool = False


def kind_of(plan: ModulePlan | None) -> str:
    """How the plan for a module treats its calls; "left" where nothing sends them elsewhere."""
    made = plan.edits if plan is not None else []
    native = any(isinstance(edit, NATIVE) for edit in made)
    offloaded = any(isinstance(edit, OFFLOADED) for edit in made)
    if native and offloaded:
        return "mixed"
    return "native" if native else "offloaded" if offloaded else "left"


def native_share(verdicts: Iterable[Verdict]) -> float:
    """The share of native cases among those that the issue doesn't send to the executor itself."""
    own = [verdict.kind == "native" for verdict in verdicts if not verdict.executor]
    return sum(own) / len(own) if own else 1.0


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """The lines of the report."""
    head = (
        f"{'part':<12}{'cases':>7}{'native':>8}{'mixed':>7}{'offloaded':>11}{'left':>6}{'by the issue':>14}"
    )
    rows = [_row(part, [v for v in verdicts if v.part == part]) for part in PARTS]
    lines = [head, *filter(None, rows), _row("all", verdicts)]
    own = [verdict for verdict in verdicts if not verdict.executor]
    lines.append(
        f"{100 * native_share(verdicts):.1f} % of the {len(own)} cases that the issue doesn't send to the "
        f"executor itself are native ({100 * WANTED:.0f} % are wanted)"
    )
    reasons = Counter(verdict.executor for verdict in verdicts if verdict.executor)
    lines += [f"  the issue's word: {reason} ({count})" for reason, count in reasons.items()]
    not_native = sorted(f"{v.part}/{v.name} ({v.kind})" for v in own if v.kind != "native")
    lines += ["", f"not native, though the issue doesn't say so: {len(not_native)}"]
    lines += [f"  {name}" for name in not_native]
    raw = sorted(f"{v.part}/{v.name}" for v in verdicts if v.raw_queries)
    lines += ["", f"other raw bytes in the query, with the same meaning: {len(raw)}"]
    lines += [f"  {name}" for name in raw]
    return lines


def _row(part: str, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    kinds = Counter(verdict.kind for verdict in verdicts)
    by_issue = sum(bool(verdict.executor) for verdict in verdicts)
    counts = "".join(f"{kinds[kind]:>{width}}" for kind, width in zip(KINDS, (8, 7, 11, 6), strict=True))
    return f"{part:<12}{len(verdicts):>7}{counts}{by_issue:>14}"
