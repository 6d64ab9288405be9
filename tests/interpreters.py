"""The Pythons on which servers are started: this one, and one with an older rasa-sdk where there is one."""

from __future__ import annotations

import os
import sys

import pytest

OLD_PYTHON = os.environ.get("RASA_ASYNCIFY_OLD_PYTHON")
INTERPRETERS = [
    pytest.param(sys.executable, id="this-python"),
    pytest.param(
        OLD_PYTHON,
        id="old-python",
        marks=pytest.mark.skipif(
            OLD_PYTHON is None,
            reason="RASA_ASYNCIFY_OLD_PYTHON names no interpreter with an older rasa-sdk",
        ),
    ),
]
