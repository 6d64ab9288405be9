"""From a seed to a project: which constructs go into which, in how many modules, imported in what way."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import ACTIONS, CONSTRUCTS, LEAVES, SCRIPTS
from .model import ActionShape, Construct

KEYS = ("k1", "k2", "bad", "", None)
LAYOUTS = ("package", "flat", "beside")
HELPER_MODULES = ("clients", "storage", "texts", "workers")
_NAME = re.compile(r"""(?<![\w.'"])([A-Za-z]\w*_\d+)\b(?!['"]\])""")
_CALL = re.compile(r"\$([a-c])(?:\(([^()]*)\))?")
_IN_FSTRING = re.compile(r"""\bf["'][^"']*\$[a-c]""")


@dataclass(frozen=True)
class Run:
    """One call of an action; `call` are arguments of `run_action`."""

    action: str
    call: dict[str, Any]


@dataclass(frozen=True)
class Program:
    """A project, with the actions and scripts in it to be run, and the names of what it is made of."""

    label: str
    files: dict[str, str]
    runs: tuple[Run, ...]
    scripts: tuple[str, ...]
    constructs: tuple[str, ...]


@dataclass(frozen=True)
class Callee:
    """A callable of one argument: an expression, and for some leaves what may stand for a call."""

    expression: str
    inline: str = ""
    imports: tuple[str, ...] = ()

    def __call__(self, argument: str | None, *, may_inline: bool) -> str:
        """The source of a call, or without an argument that of the callable itself."""
        if not may_inline:
            return self.expression if argument is None else f"{self.expression}({argument})"
        if argument is None:
            return f"(lambda key: {self._inlined('key')})" if self.inline else self.expression
        may_inline = self.inline and argument.isidentifier()
        return self._inlined(argument) if may_inline else f"{self.expression}({argument})"

    def _inlined(self, argument: str) -> str:
        return self.inline.replace("$key", argument)


@dataclass
class _Module:
    """A module of the program, as it grows."""

    name: str
    imports: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        return "\n\n\n".join(self.parts)


def _defined(source: str) -> Iterator[str]:
    """The numbered names that a source defines at its top level."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


class Builder:
    """Puts a program together; what isn't said is drawn by `choice`."""

    def __init__(self, choice: random.Random, helpers: int, layout: str) -> None:
        self.choice = choice
        self.layout = layout
        self.modules = [_Module(name) for name in HELPER_MODULES[:helpers]] + [_Module("actions")]
        self.homes: dict[str, int] = {}
        self.used: list[str] = []
        self.runs: list[Run] = []
        self.scripts: list[tuple[str, str]] = []
        self.must_import: set[int] = set()
        self._count = 0

    # --- adding ------------------------------------------------------------------------------------

    def leaf(self, leaf: Construct, *, inline: bool = False) -> Callee:
        """Define a leaf, or take its inline form."""
        plain = self.add(leaf, [])
        if not (inline and leaf.inline):
            return plain
        self.used[-1] = f"{leaf.name}, inline"
        imports = tuple(line for line in leaf.imports if "journal" not in line)
        return Callee(plain.expression, leaf.inline, imports)

    def add(self, construct: Construct, callees: Sequence[Callee]) -> Callee:
        """Define a construct that calls the others."""
        number = self._place(construct, callees)
        filled, _ = _fill(construct.result, number, callees)
        return Callee(filled)

    def action(self, shape: ActionShape, callees: Sequence[Callee], keys: Sequence[str | None]) -> None:
        """Define an action, to be run once for each key."""
        number = self._place(shape, callees, at_last=True)
        call = _numbered(shape.call, number)
        for key in keys:
            self.runs.append(Run(_numbered(shape.action, number), {**call, "slots": {"key": key}}))

    def script(self, script: Construct, callees: Sequence[Callee]) -> None:
        """Have a script, or tests, beside the bot."""
        number = self._next(script.name)
        text, imports = _fill(script.parts[0], number, callees)
        path = f"tests/test_demo_{number}.py" if "test" in script.name else f"demo_{number}.py"
        homes = {name: home for name in _NAME.findall(text) if (home := self.homes.get(name)) is not None}
        lines = [f"from {self._dotted(home)} import {name}" for name, home in sorted(homes.items())]
        self.scripts.append((path, _joined([*imports, *lines], text)))

    def _next(self, name: str) -> str:
        self.used.append(name)
        self._count += 1
        return str(self._count)

    def _place(
        self, what: Construct | ActionShape, callees: Sequence[Callee], *, at_last: bool = False
    ) -> str:
        """Put the parts into modules: one may only use what is in its own or in an earlier one."""
        number = self._next(what.name)
        lowest, last = 0, len(self.modules) - 1
        parts = what.parts
        for part in parts:
            text, imports = _fill(part, number, callees)
            needs = [self.homes[name] for name in _NAME.findall(text) if name in self.homes]
            lowest = max([lowest, *needs])
            final = at_last and part is parts[-1]
            home = last if final else self.choice.randint(lowest, last)
            if self.choice.random() < 0.5 and not final:
                home = lowest
            self.modules[home].imports += [*what.imports, *imports]
            self.modules[home].parts.append(text)
            self.homes.update(dict.fromkeys(_defined(text), home))
            if len(parts) > 1:
                self.must_import.add(home)
            lowest = home
        return number

    # --- writing -----------------------------------------------------------------------------------

    def program(self, label: str) -> Program:
        """The program as it is now."""
        files = {}
        for position, module in enumerate(self.modules):
            if module.parts:
                files[self._path(position)] = self._text(position)
        files.update(self._inits(files))
        files.update(self.scripts)
        scripts = tuple(path for path, _ in self.scripts)
        return Program(label, files, tuple(self.runs), scripts, tuple(self.used))

    def _inits(self, files: dict[str, str]) -> dict[str, str]:
        return {f"{path.partition('/')[0]}/__init__.py": "" for path in files if "/" in path}

    def _dotted(self, position: int) -> str:
        name, is_actions = self.modules[position].name, position == len(self.modules) - 1
        if self.layout == "flat":
            return name
        if is_actions or self.layout == "package":
            return f"actions.{name}"
        return f"services.{name}"

    def _path(self, position: int) -> str:
        return self._dotted(position).replace(".", "/") + ".py"

    def _text(self, position: int) -> str:
        module = self.modules[position]
        body, imports = module.body, []
        others: dict[int, list[str]] = {}
        for name in dict.fromkeys(_NAME.findall(body)):
            home = self.homes.get(name)
            if home is not None and home != position:
                others.setdefault(home, []).append(name)
        for home, names in sorted(others.items()):
            line, prefix = self._import(position, home, names)
            imports.append(line)
            if prefix:
                body = _NAME.sub(
                    lambda found, n=names, p=prefix: p + found[1] if found[1] in n else found[1], body
                )
        if position == len(self.modules) - 1:
            imports += [
                self._import_of_module(home) for home in sorted(self.must_import - {position, *others})
            ]
        return _joined([*module.imports, *imports], body)

    def _import(self, position: int, home: int, names: Sequence[str]) -> tuple[str, str]:
        """An import of the names, in one of the usual ways, and what then goes before them."""
        dotted, listed = self._dotted(home), ", ".join(names)
        package, _, name = dotted.rpartition(".")
        here = self._dotted(position).rpartition(".")[0]
        ways = [(f"from {dotted} import {listed}", ""), (f"import {dotted}", f"{dotted}.")]
        ways.append((f"import {dotted} as {name}_module", f"{name}_module."))
        if package:
            ways.append((f"from {package} import {name}", f"{name}."))
        if package and package == here:
            ways += [(f"from .{name} import {listed}", ""), (f"from . import {name}", f"{name}.")]
            ways += ways[-2:]  # the usual ones
        return self.choice.choice(ways)

    def _import_of_module(self, home: int) -> str:
        return f"import {self._dotted(home)}"


def _fill(source: str, number: str, callees: Sequence[Callee]) -> tuple[str, list[str]]:
    """The source with its number and its holes filled, and the imports that are needed for that."""
    imports: list[str] = []
    may_inline = not _IN_FSTRING.search(source)  # whose quotes would be in the way

    def fill(found: re.Match[str]) -> str:
        callee = callees["abc".index(found[1])]
        imports.extend(callee.imports)
        return callee(found[2], may_inline=may_inline)

    return re.sub(r"(?<=[A-Za-z0-9])_N\b", f"_{number}", _CALL.sub(fill, source)), imports


def _numbered(value: Any, number: str) -> Any:
    if isinstance(value, str):
        return re.sub(r"_N\b", f"_{number}", value)
    if isinstance(value, dict):
        return {_numbered(k, number): _numbered(v, number) for k, v in value.items()}
    return [_numbered(one, number) for one in value] if isinstance(value, list) else value


def _joined(imports: Sequence[str], body: str) -> str:
    lines = dict.fromkeys(imports)
    plain = sorted(line for line in lines if line.startswith(("import ", "from ")))
    rest = [line for line in lines if line not in plain]
    return "\n".join([*plain, "", *rest, "", body, ""])


# --- from a seed -----------------------------------------------------------------------------------


def random_program(seed: int) -> Program:
    """The program of a seed. Programs in a row go through all constructs."""
    choice = random.Random(seed)
    builder = Builder(choice, choice.randint(0, len(HELPER_MODULES)), choice.choice(LAYOUTS))
    pool = [
        builder.leaf(choice.choice(LEAVES), inline=choice.random() < 0.2) for _ in range(choice.randint(1, 3))
    ]
    unused: list[Callee] = []
    wanted = [CONSTRUCTS[seed % len(CONSTRUCTS)]]
    wanted += choice.choices(CONSTRUCTS, k=choice.randint(0, 5))
    for one in choice.sample(wanted, len(wanted)):
        found = builder.add(one, _taken(choice, pool, unused, len(one.holes)))
        pool.append(found)
        unused.append(found)
    shapes = [ACTIONS[seed % len(ACTIONS)], *choice.choices(ACTIONS, k=choice.randint(0, 3))]
    for shape in shapes:
        builder.action(shape, _taken(choice, pool, unused, len(shape.holes)), choice.sample(KEYS, 2))
    if choice.random() < 0.3:
        builder.script(choice.choice(SCRIPTS), [choice.choice(pool)])
    return builder.program(f"seed {seed}")


def _taken(choice: random.Random, pool: list[Callee], unused: list[Callee], count: int) -> list[Callee]:
    """So many of the pool, first those that nothing calls yet."""
    found = []
    for _ in range(count):
        if unused and choice.random() < 0.7:
            found.append(unused.pop())
        else:
            found.append(choice.choice(pool))
    return found


def small_program(names: Sequence[str], seed: int = 0) -> Program:
    """A program of a leaf, constructs on it, each on the one before, and an action, by their names.

    Where there is no leaf or no action among them, those of the first of the lists are taken; a second
    hole gets what doesn't block.

    Raises:
        KeyError: there is nothing of that name.
    """
    everything = {one.name: one for one in [*LEAVES, *CONSTRUCTS, *SCRIPTS]}
    shapes = {shape.name: shape for shape in ACTIONS}
    choice = random.Random(seed)
    builder = Builder(choice, choice.choice([0, 2]), choice.choice(LAYOUTS))
    plain = builder.leaf(everything["nothing that blocks"])
    leaves = [n for n in names if n.removesuffix(", inline") in {leaf.name for leaf in LEAVES}]
    leaf = leaves[0] if leaves else LEAVES[0].name
    found = builder.leaf(everything[leaf.removesuffix(", inline")], inline=leaf.endswith(", inline"))
    for name in names:
        if name in leaves or name in shapes or everything[name] in SCRIPTS:
            continue
        found = builder.add(everything[name], [found, plain])
    actions = [shapes[name] for name in names if name in shapes] or ACTIONS[:1]
    for shape in actions:
        builder.action(shape, [found, plain], ["k1", "bad"])
    for name in names:
        if name not in shapes and everything.get(name) in SCRIPTS:
            builder.script(everything[name], [found])
    return builder.program(" + ".join(names))
