"""The benchmark that `../http.py` describes and starts."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType

from action_server import ActionServer, NotStarted
from backend import TEXT

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLIENTS, BACKEND_MS, LIMIT = 64, 50.0, 35.0  # native is to be LIMIT times the original with these
PATIENCE = 120.0  # seconds that a round may take beyond what it measures
PLACE = "127.0.0.1:5005"  # where the project's source says that the backend is
NO_PROXY = {"http_proxy": "", "all_proxy": ""}


class Failed(Exception):
    """A call was not answered as it should be, or the migration failed."""


@dataclass(frozen=True)
class Variant:
    """A state of the project and the action to call in it.

    `options` are those of the migration, None where there is none; `keeps` is whether the calls
    share connections to the backend.
    """

    name: str
    action: str = "action_weather"
    options: Sequence[str] | None = ()
    keeps: bool = False


VARIANTS = (
    Variant("original", options=None),
    Variant("offloaded", action="action_weather_digest"),
    Variant("native"),
    Variant("shared", options=("--http-session", "shared"), keeps=True),
)


class Backend:
    """A context manager around backend.py, which answers after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._command = [sys.executable, str(HERE / "backend.py"), str(seconds)]

    def connections_a_request(self) -> float:
        """How many connections were opened for a request, on average."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.place}/seen", timeout=10) as response:
            seen = json.load(response)
        return float(seen["connections"] / seen["requests"])

    def __enter__(self) -> Backend:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.place = f"127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()


@dataclass
class Measured:
    """A variant with its servers; `rates` are the calls a second of each round."""

    variant: Variant
    backend: Backend
    server: ActionServer
    rates: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)

    def measure(self, args: argparse.Namespace) -> None:
        """Let the clients post for one round.

        Raises:
            Failed: a call was not answered with the action's message, or not at all.
        """
        counts = ("--clients", args.clients, "--warm-up", args.warm_up, "--seconds", args.seconds)
        command = (HERE / "clients.py", self.server.port, self.variant.action, "--text", TEXT, *counts)
        patience = args.warm_up + args.seconds + PATIENCE
        try:
            done = subprocess.run(
                [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=patience
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.variant.name}: no end after {patience:g} s\n{self.server.log}") from None
        if done.returncode:
            raise Failed(f"{self.variant.name}: {done.stderr}\n{self.server.log}")
        self.rates.append(json.loads(done.stdout))


def migrate(folder: Path, options: Sequence[str]) -> None:
    """Run the tool on a folder.

    Raises:
        Failed: it ended with another code than 0.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "rasa_asyncify", *options, "actions"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"rasa-asyncify ended with code {done.returncode}:\n{done.stderr}")


def start(variant: Variant, folder: Path, seconds: float, stack: ExitStack) -> Measured:
    """Produce a variant in a folder and start its servers; `stack` is to stop them.

    Raises:
        Failed, NotStarted: the migration or the action server did.
    """
    backend = stack.enter_context(Backend(seconds))
    shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__"))
    source = folder / "actions" / "actions.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace(PLACE, backend.place), encoding="utf-8")
    if variant.options is not None:
        migrate(folder, variant.options)
    return Measured(variant, backend, stack.enter_context(ActionServer(folder, env=NO_PROXY)))


def measure(args: argparse.Namespace) -> dict[str, Measured]:
    """Measure the variants that are asked for, in turn, and print what they do as a table.

    Raises:
        Failed, NotStarted: as `start`, or a call went wrong.
    """
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        wanted = [variant for variant in VARIANTS if variant.name in args.only]
        every = [
            start(variant, Path(temporary) / variant.name, args.backend_ms / 1000, stack)
            for variant in wanted
        ]
        for _ in range(args.rounds):
            for one in every:
                one.measure(args)
        measured = {one.variant.name: one for one in every}
        original = measured.get("original")
        for one in every:
            connections = one.backend.connections_a_request()
            print(line(one, original, connections), flush=True)
            if (connections < 0.5) != one.variant.keeps:
                raise Failed(f"{one.variant.name}: that many connections are not its way")
    return measured


def line(one: Measured, original: Measured | None, connections: float) -> str:
    """A variant as a row of the table."""
    ratio = f"{one.rate / original.rate:.1f}" if original else "-"
    rounds = " ".join(f"{rate:.0f}" for rate in one.rates)
    return f"{one.variant.name:<10} {one.rate:>8.1f} {ratio:>9} {connections:>14.3f}   {rounds}"


def missed(measured: dict[str, Measured]) -> list[str]:
    """The limits that are not met, of those that can be told from what was measured."""
    rates = {name: one.rate for name, one in measured.items()}
    texts = []
    if {"original", "native"} <= rates.keys() and rates["native"] < LIMIT * rates["original"]:
        texts.append(f"native is less than {LIMIT:g} times the original")
    if {"native", "shared"} <= rates.keys() and rates["shared"] <= rates["native"]:
        texts.append("shared is not ahead of native")
    return texts


def arguments(description: str) -> argparse.Namespace:
    names = [variant.name for variant in VARIANTS]
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="what a round measures")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before it does")
    parser.add_argument("--rounds", type=int, default=5, help="how often each variant is measured")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="how many post at once")
    parser.add_argument("--backend-ms", type=float, default=BACKEND_MS, help="what the backend takes")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some variants")
    return parser.parse_args()


def main(description: str) -> int:
    """Run the benchmark; `description` starts with the line that `--help` is to show."""
    args = arguments(description)
    print(f"{args.clients} clients, one worker, a backend that takes {args.backend_ms:g} ms\n")
    print(f"{'':<10} {'calls/s':>8} {'times':>9} {'connections':>14}   rounds")
    print(f"{'':<10} {'(median)':>8} {'original':>9} {'a call':>14}", flush=True)
    try:
        measured = measure(args)
    except (Failed, NotStarted) as error:
        print(error, file=sys.stderr)
        return 1
    if (args.clients, args.backend_ms) != (CLIENTS, BACKEND_MS):
        return 0
    texts = missed(measured)
    print(*texts, sep="\n", file=sys.stderr, end="\n" if texts else "")
    return 1 if texts else 0
