"""How many action calls a second does one worker answer, when each call waits for a backend?

Posts from 64 clients at once to rasa-sdk's own action server, in one run, to four variants of the
project in `http/project/`, each with a backend of its own that answers after 50 ms:

    original   `requests.get` in a plain `run`, as it was written
    offloaded  a call that goes to a worker thread: the same with `auth=HTTPDigestAuth(...)`, which
               aiohttp lacks and the migration leaves to requests for good; since the backend
               never asks for a password, requests sends the same single GET
    native     the original after `rasa-asyncify`: aiohttp, a session a call
    shared     the original after `rasa-asyncify --http-session shared`: one session for all calls

    python benchmarks/http.py                      # about a minute and a half
    python benchmarks/http.py --only native shared --seconds 1

The variants take turns, so that a busy spell of the machine meets all of them, and the median of
their rounds counts. It takes an idle machine all the same: what else runs on it costs the faster
variants more. Exits 1 where a call fails, where shared opens a connection a call or another variant
doesn't, and, with 64 clients and 50 ms, where native is less than 35 times the original or shared is
not ahead of native.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path


def stand_aside() -> None:
    """Let `import http` find the standard library's package after all.

    A script's folder comes first where its imports are looked up, so this file's name hides the
    package from every script in the folder, and from the libraries that they use.
    """
    spec = importlib.machinery.PathFinder.find_spec("http", [str(Path(os.__file__).parent)])
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["http"] = package
    spec.loader.exec_module(package)


if __name__ == "http":
    stand_aside()
elif __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).with_suffix("")))
    from throughput import main

    sys.exit(main(__doc__ or ""))
