"""Computations that go to a worker thread, where they let others go on and gain nothing for themselves."""

from __future__ import annotations

from collections.abc import Iterator

from rasa_asyncify.findings.running import Running
from rasa_asyncify.plan import Finding


def computing(running: Running) -> Iterator[Finding]:
    """The blockers that compute, at the places from which they go to a thread."""
    graph, catalogue = running.graph, running.graph.finder.catalogue
    for function in dict.fromkeys([*running.inline, *running.threaded]):
        if function in running.threaded:
            sites = graph.active_sites(function.scope)
        else:
            sites = [place.site for place in running.waiting_sites(function) if place.alone is not None]
        sites = sorted(sites, key=lambda s: s.line)
        found = {name: s.line for s in reversed(sites) for name in s.blockers if catalogue.computes(name)}
        names = sorted(found, key=lambda name: found[name])
        if names:
            more = f" and {len(names) - 2} more" if len(names) > 2 else ""
            called = (
                " and ".join(f"{name}()" for name in names[:2]) if not more else f"{names[0]}(), {names[1]}()"
            )
            message = (
                f"{called}{more} in {function.qualname}() compute{'s' if len(names) == 1 else ''}: in a worker thread "
                "that lets the others go on, but several at once take as long as one after the other"
            )
            yield Finding("RA111", function.module.path, found[names[0]], message)
