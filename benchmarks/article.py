"""How long do 16 travellers wait for an action that waits for its backend?

Starts rasa-sdk's own action server with one worker on the project in `article/`, posts parallel
calls, migrates a copy of the project with `python -m rasa_asyncify`, and does the same again. The
two actions are that of the article "Can Rasa's Action Server Do Asynchronous Calls?" (a sleep) and
one whose blocking call has to go to an executor.

    python benchmarks/article.py            # 5 s a call, 16 calls: takes three minutes
    python benchmarks/article.py --quick    # 0.5 s a call

Exits 1 where a call fails, or where the migrated calls take half a second longer than one call.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from action_server import ActionServer

HERE = Path(__file__).resolve().parent
ACTIONS = {
    "action_long_call": "time.sleep",
    "action_backend": "urllib.request.urlopen",
}
ANSWERING = 0.5  # seconds that the server itself may take for all the calls


class Failed(Exception):
    """A call was not answered as it should be, or the migration failed."""


@dataclass(frozen=True)
class Timing:
    """One line of the table; `seconds` is the wall time until the last of `calls` was answered."""

    action: str
    state: str
    calls: int
    one_call: float
    seconds: float

    @property
    def ratio(self) -> float:
        """The wall time in units of one call."""
        return self.seconds / self.one_call

    @property
    def is_parallel(self) -> bool:
        """Whether the calls waited side by side."""
        return self.seconds <= self.one_call + ANSWERING


class SlowBackend(ThreadingHTTPServer):
    """Answers each request after a while, and any number of them at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), SlowHandler)
        self.seconds = seconds
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class SlowHandler(BaseHTTPRequestHandler):
    server: SlowBackend

    def do_GET(self) -> None:
        time.sleep(self.server.seconds)
        body = b'{"status": "The backend is done."}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def migrate(folder: Path) -> None:
    """Run the tool on a folder.

    Raises:
        Failed: it ended with another code than 0.
    """
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "rasa_asyncify", "actions"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"rasa-asyncify ended with code {done.returncode}:\n{done.stderr}")


def measure(folder: Path, state: str, seconds: float, calls: int) -> list[Timing]:
    """Time `calls` parallel calls of each action, each waiting `seconds`.

    Raises:
        Failed: a call was not answered with the action's message.
    """
    timings = []
    backend = SlowBackend(seconds)
    env = {"BACKEND_SECONDS": str(seconds), "BACKEND_URL": backend.url}
    with backend, ActionServer(folder, env=env) as server:
        for action in ACTIONS:
            wall, answers = server.call_together(action, calls)
            for answer in answers:
                if answer.status != 200 or answer.texts != ["The backend is done."]:
                    raise Failed(f"{action}: {answer}\n{server.log}")
            timings.append(Timing(action, state, calls, seconds, wall))
            print(line(timings[-1]), flush=True)
        backend.shutdown()
    return timings


def line(timing: Timing) -> str:
    """A timing as a row of the table."""
    waits = ACTIONS[timing.action]
    wall = f"{timing.seconds:.1f} s"
    return f"{waits:<24} {timing.state:<8} {wall:>8} {timing.ratio:>8.2f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="what one call takes")
    parser.add_argument("--calls", type=int, default=16, help="parallel calls")
    parser.add_argument("--quick", action="store_true", help="0.5 seconds a call")
    parser.add_argument("--only", choices=["before", "after"], help="measure one state only")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    seconds = 0.5 if args.quick else args.seconds
    print(f"{args.calls} parallel calls of {seconds:g} s each, one worker\n")
    print(f"{'the action waits in':<24} {'':<8} {'all done':>8} {'in calls':>8}")
    after: list[Timing] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "article"
        shutil.copytree(HERE / "article", folder, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            if args.only != "after":
                measure(folder, "before", seconds, args.calls)
            if args.only != "before":
                migrate(folder)
                after = measure(folder, "after", seconds, args.calls)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
    return 0 if all(timing.is_parallel for timing in after) else 1


if __name__ == "__main__":
    sys.exit(main())
