"""Read the cases, and write them as the modules of one project.

A file `cases/<part>.toml` has `imports`, the lines that the part's modules import with, `[[route]]`
tables for all of its cases, and `[[case]]` tables:

    name = "params_empty_slot"  # with the part, the module's and the action's name
    code = '''                  # the body of `run`; a line `say X` utters repr((X))
    r = requests.get(f"{API}/search", params={"q": tracker.get_slot("city")})
    say r.status_code
    '''
    imports = "..."             # instead of the part's
    module = "..."              # what stands above the class
    init = "..."                # the body of `__init__`
    methods = "..."             # more methods of the class
    slots = { city = "Oslo" }   # TOML has no null: a slot that is left out is an empty one
    times = 2                   # how often the action runs, in one process
    env = { NETRC = "netrc" }   # what is added to the environment
    files = { netrc = "..." }   # what lies in the working directory
    raises = true               # the action fails, and is meant to
    differs = "odd headers"     # one of the README's differences, which this case shows
    executor = "custom auth"    # one of BY_THE_ISSUE: what has no equal with aiohttp

    [[case.route]]              # what a server of the farm answers, as in fixture_cases
    path = "/search"
    replies = [{ json = [] }]   # see `reply`

`{server}` and the other names of `farm.PLACEHOLDERS` become addresses, in code, env, files, routes.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recording_server import Reply

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = Path(__file__).resolve().parent / "cases"
PARTS = (
    "arguments",
    "response",
    "exceptions",
    "sessions",
    "expressions",
    "failures",
    "urllib",
    "httpx",
    "urllib3",
)
PACKAGE = "actions"
# What has no equal with aiohttp by its nature.
BY_THE_ISSUE = (
    "HTTPDigestAuth",
    "custom auth",
    "HTTPAdapter mount",
    "Retry mount",
    "a use of the response that has no equal",
    "urllib, httpx, urllib3: not simple",
)


@dataclass(frozen=True)
class Route:
    """What one path of one server (by its name in the farm) answers, in turn."""

    path: str
    replies: tuple[Mapping[str, Any], ...]
    method: str | None = None
    on: str = "server"


@dataclass(frozen=True)
class Case:
    """One case; the fields are described above."""

    part: str
    name: str
    code: str
    imports: str
    module: str = ""
    init: str = ""
    methods: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    times: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    raises: bool = False
    differs: str = ""
    executor: str = ""
    routes: tuple[Route, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.part}/{self.name}"

    @property
    def module_name(self) -> str:
        """The module's name within the package."""
        return f"{self.part}_{self.name}"

    @property
    def action(self) -> str:
        """The action's name."""
        return f"action_{self.module_name}"

    def texts(self) -> Iterable[str]:
        """All texts that may hold a placeholder."""
        yield from (self.code, self.imports, self.module, self.init, self.methods)
        yield from self.env.values()
        yield from self.files.values()
        yield from (str(reply) for route in self.routes for reply in route.replies)


def all_cases() -> list[Case]:
    """Every case, part by part. Raises TypeError for a key that a case can't have."""
    return [case for part in PARTS for case in _read(part)]


def _read(part: str) -> list[Case]:
    given = tomllib.loads((CASES / f"{part}.toml").read_text(encoding="utf-8"))
    common = [*_given_routes("defaults"), *given.get("route", [])]
    return [_case(part, given["imports"], common, one) for one in given["case"]]


def _given_routes(name: str) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = tomllib.loads((CASES / f"{name}.toml").read_text())["route"]
    return routes


def _case(part: str, imports: str, common: Sequence[Mapping[str, Any]], given: dict[str, Any]) -> Case:
    routes = tuple(
        Route(**{**route, "replies": tuple(route["replies"])}) for route in [*common, *given.pop("route", [])]
    )
    return Case(**{"part": part, "imports": imports, "routes": routes, **given})


# --- replies -----------------------------------------------------------------------------------


def reply(
    *,
    json_body: Any = None,
    text: str | None = None,
    hex_body: str | None = None,
    content_type: str | None = None,
    headers: Sequence[Sequence[str]] = (),
    redirect: str | None = None,
    gzipped: bool = False,
    **fields: Any,
) -> Reply:
    """The reply that a case describes: a body in one of three forms, pairs of headers, `Reply`'s fields."""
    more = [(name, value) for name, value in headers]
    body = b""
    if json_body is not None:
        body, content_type = json.dumps(json_body).encode(), content_type or "application/json"
    elif text is not None:
        body, content_type = text.encode(), content_type or "text/plain; charset=utf-8"
    elif hex_body is not None:
        body = bytes.fromhex(hex_body)
    if redirect is not None:
        fields.setdefault("status", 302)
        more.append(("Location", redirect))
    if gzipped:
        body = gzip.compress(body, mtime=0)
        more.append(("Content-Encoding", "gzip"))
    if content_type:
        more.insert(0, ("Content-Type", content_type))
    return Reply(body=body, headers=tuple(more), **fields)


# --- the project -------------------------------------------------------------------------------

_SAY = re.compile(r"^([ \t]*)say (.+)$", re.MULTILINE)
_HEAD = """\
import os

{imports}
from rasa_sdk import Action
from rasa_sdk.events import SlotSet

API = os.environ["API_URL"]


"""


def module_text(case: Case, number: int) -> str:
    """The module of a case, placeholders and all."""
    parts = [_HEAD.format(imports=case.imports.strip())]
    if case.module:
        parts.append(f"{_expanded(case.module)}\n\n\n")
    parts.append(f"class Action{number}(Action):\n")
    if case.init:
        parts.append(_method("__init__(self)", case.init))
    parts.append(_method("name(self)", f'return "{case.action}"'))
    body = _expanded(case.code)
    if not body.splitlines()[-1].startswith(("return", "raise")):
        body += "\nreturn []"
    parts.append(_method("run(self, dispatcher, tracker, domain)", body))
    if case.methods:
        parts.append(textwrap.indent(_expanded(case.methods), "    ") + "\n")
    return "".join(parts).rstrip() + "\n"


def _method(signature: str, body: str) -> str:
    text = textwrap.indent(_expanded(body), "    ")
    return textwrap.indent(f"def {signature}:\n{text}\n\n", "    ", lambda line: bool(line.strip()))


def _expanded(code: str) -> str:
    return _SAY.sub(r"\1dispatcher.utter_message(text=repr((\2)))", code.strip())


def write_project(folder: Path, cases: Sequence[Case], places: Mapping[str, str]) -> None:
    """Write all cases as one package in `folder`; `places` are what the placeholders stand for."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for number, case in enumerate(cases):
        text = filled(module_text(case, number), places)
        (package / f"{case.module_name}.py").write_text(text, encoding="utf-8")


def filled(text: str, places: Mapping[str, str]) -> str:
    """The text with its placeholders replaced."""
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", place)
    return text
