"""The pool of worker threads and the helpers that send calls to it, as source text."""

from __future__ import annotations

import re

import libcst as cst

from rasa_asyncify.plan import ModulePlan
from rasa_asyncify.rewrite.imports import after_imports, insert_import

WORKERS = 32  # blocked threads cost little; the default pool has min(32, cores + 4)

_HEADER = '''"""Run blocking calls in worker threads, so that they don't hold the event loop."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

'''
_POOL = f"""_BLOCKING_CALLS = ThreadPoolExecutor(
    max_workers={WORKERS}, thread_name_prefix="blocking-calls"
)
"""
_ONE_POOL = """_ONE_BLOCKING_CALL = ThreadPoolExecutor(
    max_workers=1, thread_name_prefix="one-blocking-call"
)
"""
_HELPER = '''

async def {name}(func, /, *args, **kwargs):
    """{doc}"""
    context = contextvars.copy_context()

    def call():
        try:
            return context.run(func, *args, **kwargs)
        except StopIteration as error:  # would hang the future
            raise RuntimeError("StopIteration in a blocking call") from error

    return await asyncio.get_running_loop().run_in_executor({pool}, call)
'''
_DOC = "Run a blocking call in a worker thread, with the caller's context variables."
_ONE_DOC = "Run a blocking call in the one thread for what two calls must not use at once."


def pool_module(*, alone: bool) -> str:
    """The text of a package's private module with the pool. ``alone``: with the one-thread helper as well."""
    text = _HEADER + _POOL + (_ONE_POOL if alone else "")
    text += _helper("in_thread")
    return text + (_helper("in_one_thread") if alone else "")


def _helper(name: str, local: str | None = None) -> str:
    one = name == "in_one_thread"
    return _HELPER.format(
        name=local or name,
        doc=_ONE_DOC if one else _DOC,
        pool="_ONE_BLOCKING_CALL" if one else "_BLOCKING_CALLS",
    )


def inline_pool(module: cst.Module, plan: ModulePlan) -> cst.Module:
    """Put the pool under the imports of a module that belongs to no package."""
    defined = {s.name.value for s in module.body if isinstance(s, cst.FunctionDef)}
    helpers = [n for n in ("in_thread", "in_one_thread") if n in plan.names]
    missing = [n for n in helpers if plan.names[n] not in defined]
    if not missing:
        return module
    text = (_POOL if "in_thread" in missing else "") + (_ONE_POOL if "in_one_thread" in missing else "")
    text += "".join(_helper(n, plan.names[n]) for n in missing)
    for name in ("asyncio", "contextvars", "ThreadPoolExecutor", "_BLOCKING_CALLS", "_ONE_BLOCKING_CALL"):
        text = re.sub(rf"\b{name}\b", plan.names.get(name, name), text)
    parsed = cst.parse_module(text, config=module.config_for_parsing)
    statements = list(parsed.body)
    statements[0] = statements[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    local = plan.names.get("ThreadPoolExecutor", "ThreadPoolExecutor")
    alias = "" if local == "ThreadPoolExecutor" else f" as {local}"
    body = insert_import(list(module.body), f"from concurrent.futures import ThreadPoolExecutor{alias}")
    at = after_imports(body)
    rest = body[at:]
    if rest:
        own = [line for line in rest[0].leading_lines if line.comment]
        blank = cst.EmptyLine(indent=False)
        rest[0] = rest[0].with_changes(leading_lines=[blank, blank, *own])
    return module.with_changes(body=[*body[:at], *statements, *rest])
