"""rasa-sdk's own action server, started in a process of its own on a project folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

SETTLING = 1.0  # seconds after its first answer for which Sanic takes no signal to stop


class NotStarted(Exception):
    """The server ended, or did not get healthy in time; the text is its log."""


@dataclass(frozen=True)
class Answer:
    """What the server answered to one `/webhook` call: `body` is the decoded JSON."""

    status: int
    body: Any

    @property
    def texts(self) -> list[str | None]:
        """The texts that the action uttered."""
        return [response.get("text") for response in self.body.get("responses", [])]


class ActionServer:
    """A context manager around `python -m rasa_sdk --actions actions`, run in `folder`.

    `python` is any interpreter that has rasa-sdk 3 and what the project needs, `arguments` what it is
    given, before `--port`; `env` is added to the environment. There is one worker unless `env` says otherwise.

    Raises (on entering):
        NotStarted: the server ended at once, or is not healthy after `patience` seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        python: str | Path = sys.executable,
        arguments: Sequence[str] = ("-m", "rasa_sdk", "--actions", "actions"),
        env: Mapping[str, str] | None = None,
        patience: float = 60.0,
    ) -> None:
        self.folder = folder
        self.port = _free_port()
        self.patience = patience
        self._whole_log: str | None = None
        self._command = [str(python), *arguments]
        self._env = {
            **os.environ,
            "ACTION_SERVER_SANIC_WORKERS": "1",
            "SANIC_HOST": "127.0.0.1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(env or {}),
        }

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the server has written so far, standard output and errors together; all of it after the end."""
        if self._whole_log is not None:
            return self._whole_log
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def call(
        self,
        action_name: str,
        *,
        slots: Mapping[str, Any] | None = None,
        domain: Mapping[str, Any] | None = None,
        timeout: float = 300.0,
    ) -> Answer:
        """Post one action call as Rasa does; `timeout` is in seconds.

        Each slot counts as set just now, which is what makes a form validate it.

        Raises:
            OSError, http.client.HTTPException: the server gave no answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            body = json.dumps(_action_call(action_name, dict(slots or {}), dict(domain or {})))
            connection.request("POST", "/webhook", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))

    def call_together(self, action_name: str, times: int, **call: Any) -> tuple[float, list[Answer]]:
        """Post `times` calls at once. Returns the seconds until the last is answered, and all."""
        with ThreadPoolExecutor(times) as threads:
            started = time.perf_counter()
            waiting = [threads.submit(self.call, action_name, **call) for _ in range(times)]
            answers = [one.result() for one in waiting]
            return time.perf_counter() - started, answers

    def __enter__(self) -> ActionServer:
        self._log = tempfile.NamedTemporaryFile("w", suffix=".log", delete=False)
        self._process = subprocess.Popen(
            [*self._command, "--port", str(self.port)],
            cwd=self.folder,
            env=self._env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a server that fails may kill its whole process group (Sanic does)
        )
        try:
            self._wait_until_healthy()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        time.sleep(max(0.0, self._healthy + SETTLING - time.monotonic()))
        self._stop()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + self.patience
        while not self._is_healthy():
            if self._process.poll() is not None:
                raise NotStarted(f"ended with code {self._process.returncode}:\n{self.log}")
            if time.monotonic() > deadline:
                raise NotStarted(f"not healthy after {self.patience} s:\n{self.log}")
            time.sleep(0.1)
        self._healthy = time.monotonic()

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):  # workers that outlived it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._whole_log = self.log
        self._log.close()
        Path(self._log.name).unlink(missing_ok=True)


def _free_port() -> int:
    """A port that was free a moment ago: rasa-sdk cannot be asked to choose one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _action_call(action_name: str, slots: dict[str, Any], domain: dict[str, Any]) -> dict[str, Any]:
    events = [{"event": "slot", "name": name, "value": value} for name, value in slots.items()]
    tracker = {
        "sender_id": "benchmark",
        "slots": slots,
        "latest_message": {},
        "events": events,
        "paused": False,
        "followup_action": None,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    return {
        "next_action": action_name,
        "sender_id": "benchmark",
        "tracker": tracker,
        "domain": domain,
    }
