"""``except`` clauses around requests that become aiohttp's: which types they name afterwards.

Source: the exception hierarchies of requests 2.31 and aiohttp 3.9 to 3.14. ``RequestException`` covers time-outs,
bad URLs and bad JSON; ``aiohttp.ClientError`` covers neither ``asyncio.TimeoutError`` nor ``json.JSONDecodeError``.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.values import External, OwnClass

CLIENT, TIMEOUT, JSON = "aiohttp.ClientError", "asyncio.TimeoutError", "json.JSONDecodeError"

# Catch neither library's exceptions, or both's alike.
_INDIFFERENT = frozenset(
    f"builtins.{n}"
    for n in (
        "Exception BaseException ValueError KeyError IndexError LookupError TypeError AttributeError NameError "
        "ZeroDivisionError ArithmeticError AssertionError ImportError ModuleNotFoundError UnicodeDecodeError "
        "UnicodeError StopIteration KeyboardInterrupt SystemExit MemoryError RecursionError"
    ).split()
) | {"json.JSONDecodeError", "json.decoder.JSONDecodeError"}


# What shows an exception's text, whose wording differs in any case.
_SHOWS = frozenset("str repr print format debug info warning warn error exception critical log".split())


class Unmappable(Exception):
    """The clauses tell failures apart that aiohttp doesn't, or look into the exception; the message says which."""


@dataclass(frozen=True)
class Mapped:
    """New types for the ``except`` clause ``handler``, as source text of their dotted names."""

    handler: ast.ExceptHandler
    types: tuple[str, ...]


def map_handlers(node: ast.Try, scope: Scope, inference: Inference, *, decodes: bool) -> list[Mapped]:
    """The clauses of ``node`` that change. ``decodes``: bodies are read as JSON in it.

    Raises:
        Unmappable: where the clauses can't keep their meaning.
    """
    found: list[Mapped] = []
    covered: set[str] = set()
    for handler in node.handlers:
        types = _types(handler)
        new: list[str] = []
        changed = False
        for kind in types:
            text = ast.unparse(kind)
            mapped = _mapped(kind, scope, inference)
            if mapped is None:
                new.append(text)
                continue
            changed = True
            new += [t for t in mapped if t not in covered and (t != JSON or decodes)]
            covered.update(mapped)
        if handler.name is not None and handler.type is not None:
            _check_uses(handler)
        if not changed:
            continue
        if not new:
            raise Unmappable("a clause would catch nothing")
        found.append(Mapped(handler, tuple(dict.fromkeys(new))))
    return found


def mentions_requests(node: ast.AST, scope: Scope, inference: Inference) -> bool:
    """Whether an expression below ``node`` names an exception of requests."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Name, ast.Attribute)):
            for value in inference.infer(inner, scope):
                if isinstance(value, External) and _requests_exception(value.name):
                    return True
    return False


def _types(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return []
    return list(handler.type.elts) if isinstance(handler.type, ast.Tuple) else [handler.type]


def _requests_exception(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] == "requests" and ((len(parts) == 3 and parts[1] == "exceptions") or len(parts) == 2):
        return parts[-1] if parts[-1][:1].isupper() and parts[-1] not in ("Session", "Response") else None
    return None


def _mapped(kind: ast.expr, scope: Scope, inference: Inference) -> list[str] | None:
    values = inference.infer(kind, scope)
    text = ast.unparse(kind)
    if len(values) != 1:
        raise Unmappable(f"`except {text}` isn't known")
    value = values[0]
    if isinstance(value, OwnClass):
        bases = value.cls.all_external_bases()
        if any(b.startswith("requests.") or b in ("OSError", "IOError", "ConnectionError") for b in bases):
            raise Unmappable(f"`{text}` descends from an exception of requests")
        return None
    if not isinstance(value, External):
        raise Unmappable(f"`except {text}` isn't known")
    name = _requests_exception(value.name)
    if name is None:
        if value.name.startswith(("builtins.", "asyncio.", "socket.", "urllib3.", "aiohttp.", "http.")):
            if value.name not in _INDIFFERENT:
                raise Unmappable(f"`except {text}` would catch other failures than before")
        return None
    if name == "RequestException":
        return [CLIENT, TIMEOUT, JSON]
    if name == "Timeout":
        return [TIMEOUT]
    if name == "JSONDecodeError":
        return [JSON]
    raise Unmappable(f"`except {text}` has no plain equivalent")


def _check_uses(handler: ast.ExceptHandler) -> None:
    """Refuse clauses that do more with the exception than to show its text: aiohttp's have other attributes.

    Raises:
        Unmappable: for any other use.
    """
    shown: set[int] = set()
    for statement in handler.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.FormattedValue):
                shown.add(id(node.value))
            elif isinstance(node, ast.Call) and last_name(node.func) in _SHOWS:
                shown |= {id(argument) for argument in node.args}
            elif isinstance(node, ast.Compare) and handler.name in {
                inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)
            }:
                raise Unmappable(f"the text of `{handler.name}` is compared")
    for statement in handler.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == handler.name and id(node) not in shown:
                raise Unmappable(f"`{handler.name}` is looked at, or handed on")
