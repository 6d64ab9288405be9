"""What do 16 travellers gain whose actions block in files, databases, mail, processes and computations?

Starts rasa-sdk's own action server with one worker on the project in `offload/project/`, and for each kind
of action posts one call and then parallel calls, before and after `python -m rasa_asyncify`. The table is in
units of one call: about 1 where the calls wait side by side, about 16 where they take turns. After the
migration they do so where they share something that isn't for two at once, as they did before, and where
they compute, which threads don't make faster. The longest hold is by how much a heartbeat of 5 ms, a task on
the server's event loop, came late while the parallel calls were made.

    python benchmarks/offload.py                        # less than three minutes
    python benchmarks/offload.py --only call open file

Exits 1 where an answer is wrong: a call must answer with its own number, and calls that share a counter must
have counted each. Times decide nothing. A kind whose library or server isn't here is skipped.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE / "offload"), str(HERE.parent / "tests")]

import services  # noqa: E402
from action_server import ActionServer, Answer, NotStarted  # noqa: E402
from article import Failed, SlowBackend, migrate  # noqa: E402
from slow_servers import SlowFinds, SlowSmtp  # noqa: E402

APART, TURNS, COMPUTING = "nothing is shared", "shared: one after the other", "computing: nothing to gain"
NO_PROXY = {"http_proxy": "", "all_proxy": ""}


@dataclass(frozen=True)
class Kind:
    """A way to block: `name` is its action's, `module` is the action's, which may need libraries and a service.

    The calls of `TURNS` answer with a counter that they share, the others with the number they were given.
    """

    name: str
    title: str
    group: str = APART
    module: str = "standard"
    needs: Sequence[str] = ()
    service: str = ""
    program: str = ""

    @property
    def action(self) -> str:
        return f"action_{self.name}"


POSTGRESQL = {"module": "with_psycopg2", "needs": ("psycopg2",), "service": "postgresql"}
KINDS = (
    Kind("call", "urllib: one call"),
    Kind("subprocess", 'subprocess.run(["sleep", ...])', program="sleep"),
    Kind("open", "`with open`, slow inside"),
    Kind("mail", "smtplib: a `with` block"),
    Kind("body", "urllib: the whole body"),
    Kind("query", "sqlite3: a query", module="reading_sqlite"),
    Kind("cursor", "sqlite3: iteration over a cursor", module="reading_sqlite"),
    Kind("postgres", "psycopg2: a connection a call", **POSTGRESQL),
    Kind("mysql", "PyMySQL: a connection a call", APART, "with_pymysql", ("pymysql",), "mysql"),
    Kind("redis", "redis: one client, blocking pops", APART, "with_redis", ("redis",), "redis"),
    Kind("mongo", "pymongo: one client", APART, "with_pymongo", ("pymongo",), "mongodb"),
    Kind("module", "sqlite3: the module's connection", TURNS, "shared"),
    Kind("instance", "sqlite3: the instance's connection", TURNS, "shared"),
    Kind("writes", "sqlite3: a database that all write", TURNS, "shared"),
    Kind("postgres_shared", "psycopg2: the module's connection", TURNS, **POSTGRESQL),
    Kind("file", "a file that is read and written back", TURNS, "shared"),
    Kind("compute", "a sum in Python", COMPUTING, "computing"),
)


@dataclass(frozen=True)
class Measured:
    """`calls` is the wall time of the parallel calls in units of one call, `hold` is in seconds."""

    calls: float
    hold: float


# --- what the actions wait for -----------------------------------------------------------------------


@contextmanager
def backends(seconds: float, wanted: Sequence[Kind]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Start what the actions wait for. Gives the environment that they need, and {module: why it is skipped}."""
    env = {"SECONDS": str(seconds), **NO_PROXY}
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        env["SLOW_URL"] = stack.enter_context(slow_backend(seconds)).url
        env["SLOW_SMTP_HOST"] = "127.0.0.1"
        env["SLOW_SMTP_PORT"] = str(stack.enter_context(SlowSmtp(seconds)).port)
        for kind in {kind.module: kind for kind in wanted}.values():
            try:
                env.update(start(kind, stack))
            except services.Unavailable as reason:
                skipped[kind.module] = str(reason)
        if "MONGODB_URL" in env:
            port = int(env["MONGODB_URL"].rpartition(":")[2].partition("/")[0])
            slow = stack.enter_context(SlowFinds(seconds, port))
            env["SLOW_MONGODB_URL"] = f"mongodb://127.0.0.1:{slow.port}"
        yield env, skipped


def start(kind: Kind, stack: ExitStack) -> Mapping[str, str]:
    """Have what a kind needs, until `stack` is left. Gives where it is, as environment variables.

    Raises:
        services.Unavailable: it isn't here.
    """
    absent = [name for name in kind.needs if importlib.util.find_spec(name) is None]
    if absent:
        raise services.Unavailable(f"{', '.join(absent)} is not installed")
    return stack.enter_context(services.start(kind.service)) if kind.service else {}


@contextmanager
def slow_backend(seconds: float) -> Iterator[SlowBackend]:
    with SlowBackend(seconds) as backend:
        yield backend
        backend.shutdown()


def size_of_sum(seconds: float) -> int:
    """How many numbers the action that computes adds in that time."""
    sample = 300_000
    started = time.perf_counter()
    sum(number % 7 for number in range(sample))
    return round(sample * seconds / (time.perf_counter() - started))


# --- measuring -----------------------------------------------------------------------------------------


def measure(server: ActionServer, kind: Kind, calls: int) -> Measured:
    """Time one call, once another has made what is made only once, and then parallel calls.

    Raises:
        Failed: an answer is wrong.
    """

    def call(number: int) -> Answer:
        return server.call(kind.action, slots={"number": str(number)})

    with ThreadPoolExecutor(calls) as threads:
        call(0)
        started = time.perf_counter()
        check(kind, [call(0)], server)
        one = time.perf_counter() - started
        longest_hold(server)
        started = time.perf_counter()
        answers = list(threads.map(call, range(calls)))
        wall = time.perf_counter() - started
        hold = longest_hold(server)
    check(kind, answers, server)
    return Measured(wall / one, hold)


def longest_hold(server: ActionServer) -> float:
    """The longest hold of the loop, in seconds, since it was last asked for."""
    return float(server.call("action_longest_hold").texts[0] or 0)


def check(kind: Kind, answers: Sequence[Answer], server: ActionServer) -> None:
    """Raises Failed where a call answers with another's number, or a count was lost."""
    texts = [answer.texts for answer in answers if answer.status == 200]
    if kind.group == TURNS:
        counts = sorted(int(text or 0) for one in texts for text in one)
        first = counts[0] if counts else 0
        is_right = counts == list(range(first, first + len(answers)))
    else:
        is_right = texts == [[str(number)] for number in range(len(answers))]
    if not is_right:
        raise Failed(f"{kind.action} answered wrong: {texts}\n{server.log[-3000:]}")


def run(args: argparse.Namespace, project: Path) -> None:
    """Measure both states and print the table. Raises Failed and NotStarted."""
    wanted = [kind for kind in KINDS if kind.name in args.only]
    with backends(args.seconds, wanted) as (env, skipped), ExitStack() as stack:
        for module in {kind.module for kind in KINDS} - {kind.module for kind in wanted} | set(skipped):
            (project / "actions" / f"{module}.py").unlink()
        (project / "size.txt").write_text(str(size_of_sum(args.seconds)), encoding="utf-8")
        migrated = shutil.copytree(project, project.with_name("migrated"))
        migrate(migrated)
        servers = [stack.enter_context(ActionServer(folder, env=env)) for folder in (project, migrated)]
        for server in servers:
            longest_hold(server)  # starts the heartbeat
        for group, kinds in groupby(wanted, lambda kind: kind.group):
            print(f"\n{group}")
            for kind in kinds:
                if kind.program and shutil.which(kind.program) is None:
                    print(f"  {kind.title:<36} skipped: there is no {kind.program}")
                elif kind.module in skipped:
                    print(f"  {kind.title:<36} skipped: {skipped[kind.module]}")
                else:
                    print(line(kind, *(measure(server, kind, args.calls) for server in servers)), flush=True)


def line(kind: Kind, before: Measured, after: Measured) -> str:
    """A kind as a row of the table."""
    was, now = (f"{measured.hold * 1000:.0f} ms" for measured in (before, after))
    return f"  {kind.title:<36} {before.calls:>7.2f} {after.calls:>7.2f} {was:>10} {now:>8}"


def arguments() -> argparse.Namespace:
    names = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.3, help="what one call takes")
    parser.add_argument("--calls", type=int, default=16, help="parallel calls")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="some kinds", metavar="KIND")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    print(f"{args.calls} parallel calls of {args.seconds:g} s each, one worker, in units of one call\n")
    print(f"  {'':<36} {'in calls':>15} {'longest hold':>19}")
    print(f"  {'':<36} {'before':>7} {'after':>7} {'before':>10} {'after':>8}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "project"
        shutil.copytree(HERE / "offload" / "project", project, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            run(args, project)
        except (Failed, NotStarted) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
