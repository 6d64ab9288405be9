"""``except`` clauses around requests that become aiohttp's: which types they name afterwards.

Source: the exception hierarchies of requests 2.31 and aiohttp 3.9 to 3.14. ``RequestException`` covers time-outs,
bad URLs and bad JSON; ``aiohttp.ClientError`` covers neither ``asyncio.TimeoutError`` nor ``json.JSONDecodeError``.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from rasa_asyncify.inference.inference import Inference
from rasa_asyncify.project.bindings import last_name
from rasa_asyncify.project.model import Scope
from rasa_asyncify.project.values import External, OwnClass

CLIENT, TIMEOUT, JSON = "aiohttp.ClientError", "asyncio.TimeoutError", "json.JSONDecodeError"
_CONNECTION = ("aiohttp.ClientConnectionError",)
# Connections that fail otherwise than by a time-out, which another clause is for.
_REFUSED = ("aiohttp.ClientOSError", "aiohttp.ServerDisconnectedError")
_EQUAL: dict[str, tuple[str, ...]] = {
    "RequestException": (CLIENT, TIMEOUT, JSON),
    "Timeout": (TIMEOUT,),
    "ConnectionError": _CONNECTION,
    "HTTPError": ("aiohttp.ClientResponseError",),
    "JSONDecodeError": (JSON,),
    "InvalidJSONError": (JSON,),
    "TooManyRedirects": ("aiohttp.TooManyRedirects",),
    "SSLError": ("aiohttp.ClientSSLError",),
    "ChunkedEncodingError": ("aiohttp.ClientPayloadError",),
    "InvalidURL": ("aiohttp.InvalidURL",),
    "MissingSchema": ("aiohttp.InvalidURL",),
}
# A connection that takes too long, and an answer that does: aiohttp tells them apart from 3.10 on.
_EITHER_TIMEOUT = frozenset({"ConnectTimeout", "ReadTimeout"})
# Catch neither library's exceptions, or both's alike.
_INDIFFERENT = frozenset(
    f"builtins.{n}"
    for n in (
        "Exception BaseException ValueError KeyError IndexError LookupError TypeError AttributeError NameError "
        "ZeroDivisionError ArithmeticError AssertionError ImportError ModuleNotFoundError UnicodeDecodeError "
        "UnicodeError StopIteration KeyboardInterrupt SystemExit MemoryError RecursionError ConnectionError"
    ).split()
) | {"json.JSONDecodeError", "json.decoder.JSONDecodeError"}
_OS_ERRORS = frozenset({"builtins.OSError", "builtins.IOError", "builtins.EnvironmentError"})
_LIBRARIES = ("builtins.", "asyncio.", "socket.", "urllib3.", "aiohttp.", "http.")
# What a clause for an HTTPError may ask of the response, and the attribute of aiohttp's exception.
_OF_RESPONSE = {"status_code": "status", "reason": "message", "headers": "headers"}


class Unmappable(Exception):
    """The clauses tell failures apart that aiohttp doesn't, or look into the exception; the message says which."""


@dataclass(frozen=True)
class Mapped:
    """New ``types`` for the ``except`` clause ``handler``, as source text, and expressions in it that change."""

    handler: ast.ExceptHandler
    types: tuple[str, ...]
    replaced: tuple[tuple[ast.expr, str], ...] = ()


def map_handlers(
    node: ast.Try, scope: Scope, inference: Inference, *, decodes: bool, mixed: bool
) -> list[Mapped]:
    """The clauses of ``node`` that change.

    ``decodes``: bodies are read as JSON in it. ``mixed``: something in it raises exceptions of requests still.

    Raises:
        Unmappable: where the clauses can't keep their meaning.
    """
    found: list[Mapped] = []
    covered: set[str] = set()
    names = [[_name(kind, scope, inference) for kind in _types(handler)] for handler in node.handlers]
    for at, handler in enumerate(node.handlers):
        kinds = _types(handler)
        new: list[str] = []
        for kind, name in zip(kinds, names[at], strict=True):
            equal = _equal(name, names[at], names[at + 1 :], covered) if name else None
            if equal is None or mixed or name == "OSError":
                new.append(ast.unparse(kind))
            if equal is not None:
                new += [t for t in equal if t not in covered and (t != JSON or decodes)]
                covered.update(equal)
        if any(kind in ("ValueError", "Exception", "BaseException") for kind in map(ast.unparse, kinds)):
            new = [t for t in new if t != JSON]  # which is one
        replaced = _replaced(handler, names[at])
        if not any(names[at]):
            continue
        if not new:
            raise Unmappable("a clause would catch nothing")
        found.append(Mapped(handler, tuple(dict.fromkeys(_fewest(new))), replaced))
    return found


def _equal(
    name: str, own: Sequence[str | None], later: Sequence[Sequence[str | None]], covered: set[str]
) -> tuple[str, ...]:
    """aiohttp's types for one of requests', in a clause with ``own`` others, before those ``later``."""
    if name == "OSError":
        return (CLIENT, TIMEOUT, JSON)
    if name in _EITHER_TIMEOUT:
        if not set(own) >= _EITHER_TIMEOUT and "Timeout" not in own:
            raise Unmappable(f"`except {name}` is about one of two time-outs")
        return (TIMEOUT,)
    if name == "ConnectionError" and TIMEOUT not in covered:
        follows = {n for names in later for n in names}
        if follows & {"Timeout", "RequestException", *_EITHER_TIMEOUT} and "Timeout" not in own:
            return _REFUSED
    if name not in _EQUAL:
        raise Unmappable(f"`except {name}` has no equal")
    return _EQUAL[name]


def _fewest(types: list[str]) -> list[str]:
    """The types without those that another one of them covers."""
    if CLIENT not in types:
        return types
    return [t for t in types if t == CLIENT or not t.startswith("aiohttp.")]


def mentions_requests(node: ast.AST, scope: Scope, inference: Inference) -> bool:
    """Whether an expression below ``node`` names an exception of requests."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Name, ast.Attribute)):
            for value in inference.infer(inner, scope):
                if isinstance(value, External) and _requests_exception(value.name):
                    return True
                if isinstance(value, OwnClass) and _descends(value):
                    return True
    return False


def catches_all(node: ast.Try, scope: Scope, inference: Inference) -> bool:
    """Whether no failure of a request leaves the body of a ``try``: a clause takes them all and raises nothing."""
    for handler in node.handlers:
        kinds = [ast.unparse(kind).rpartition(".")[2] for kind in _types(handler)]
        takes_all = not kinds or {"Exception", "BaseException", "RequestException"} & set(kinds)
        if takes_all:
            return not any(isinstance(n, ast.Raise) for s in handler.body for n in ast.walk(s))
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


def _descends(value: OwnClass) -> bool:
    """Whether a class of the project is an exception of requests."""
    return any(_requests_exception(base) for base in value.cls.all_external_bases())


def _name(kind: ast.expr, scope: Scope, inference: Inference) -> str | None:
    """The name of an exception of requests, "OSError" for what is the base of these, None for an indifferent one."""
    values = inference.infer(kind, scope)
    text = ast.unparse(kind)
    if len(values) != 1:
        raise Unmappable(f"`except {text}` isn't known")
    value = values[0]
    if isinstance(value, OwnClass):
        if _descends(value):
            raise Unmappable(f"`{text}` descends from an exception of requests")
        return None
    if not isinstance(value, External):
        raise Unmappable(f"`except {text}` isn't known")
    if value.name in _OS_ERRORS:
        return "OSError"
    name = _requests_exception(value.name)
    if name is None and value.name.startswith(_LIBRARIES) and value.name not in _INDIFFERENT:
        raise Unmappable(f"`except {text}` would catch other failures than before")
    return name


def _replaced(handler: ast.ExceptHandler, names: Sequence[str | None]) -> tuple[tuple[ast.expr, str], ...]:
    """What a clause asks of the exception, and how aiohttp's answers it.

    Raises:
        Unmappable: where it looks at something that aiohttp's exceptions don't have.
    """
    if handler.name is None:
        return ()
    found: list[tuple[ast.expr, str]] = []
    parents = {child: node for node in ast.walk(handler) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(handler):
        if not isinstance(node, ast.Name) or node.id != handler.name:
            continue
        parent = parents.get(node)
        if isinstance(parent, ast.Compare):
            raise Unmappable(f"`{handler.name}` is compared")
        if isinstance(parent, ast.Call) and last_name(parent.func) == "isinstance":
            raise Unmappable(f"the type of `{handler.name}` is looked at")
        if not isinstance(parent, ast.Attribute):
            continue
        outer = parents.get(parent)
        if parent.attr == "response" and set(names) == {"HTTPError"} and isinstance(outer, ast.Attribute):
            new = _OF_RESPONSE.get(outer.attr)
            if new is not None:
                found.append((outer, f"{handler.name}.{new}"))
                continue
        if parent.attr not in ("args", "with_traceback", "add_note", "__class__"):
            raise Unmappable(f"`{handler.name}.{parent.attr}` is looked at")
    return tuple(found)
