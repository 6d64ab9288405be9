"""Deterministic trees of Python files for the speed benchmark: migrated bots, and ordinary code.

The code is in speed_templates/, where @topic@, @Topic@, @TOPIC@ and @number@ are filled in.
"""

from __future__ import annotations

import functools
from pathlib import Path

PACKAGE_SIZE = 20  # files in one package; two of them mention Rasa in the mixed tree
TOPICS = ("order", "ticket", "parcel", "invoice", "booking", "coupon")

PYPROJECT = '[project]\nname = "bots"\nversion = "1.0"\n\n[tool.black]\nline-length = 100\n'
REQUIREMENTS = "rasa-sdk==3.6.2\naiohttp>=3.9\n"

TEMPLATES = Path(__file__).resolve().parent / "speed_templates"


def write_tree(root: Path, files: int, *, all_migrated: bool) -> list[Path]:
    """Write at least `files` Python files below `root`; the same every time.

    With `all_migrated` every module holds migrated actions, but for `__init__` and the pool that
    they share. Without it one file in ten mentions Rasa, and the others are ordinary code of the
    same length that blocks where it likes.
    Returns the Python files.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
    written = []
    for number in range(-(-files // PACKAGE_SIZE)):
        for name, text in _package(number, all_migrated).items():
            path = root / f"shop_{number:03}" / "actions" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written


def write_synchronous_tree(root: Path, files: int) -> list[Path]:
    """Write at least `files` Python files of shops that were never migrated; the same every time.

    All shops are one project: they call the helpers of `shops/common`. One file in three changes when it is migrated:
    actions, forms, helpers with requests and with SQLite, tests. The others are ordinary code.
    Returns the Python files.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "requirements.txt").write_text("rasa-sdk==3.6.2\nrequests>=2.31\n", encoding="utf-8")
    modules = {"__init__.py": "", "common/__init__.py": "", "common/http.py": _template("sync/common_http")}
    for number in range(-(-files // PACKAGE_SIZE)):
        modules.update(_synchronous_package(number))
    written = []
    for name, text in modules.items():
        path = root / "shops" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _synchronous_package(number: int) -> dict[str, str]:
    folder = f"shop_{number:03}"
    topic, other = TOPICS[number % len(TOPICS)], TOPICS[(number + 1) % len(TOPICS)]
    modules = {f"{folder}/__init__.py": "", f"{folder}/tests/__init__.py": ""}
    for part in ("api", "store", "actions", "forms"):
        modules[f"{folder}/{topic}_{part}.py"] = _filled(_template(f"sync/{part}"), topic, number)
    modules[f"{folder}/tests/test_{topic}.py"] = _filled(_template("sync/tests"), topic, number)
    for part in ("api", "forms"):
        modules[f"{folder}/{other}_{part}.py"] = _filled(_template(f"sync/{part}"), other, number)
    while len(modules) < PACKAGE_SIZE:
        part = str(len(modules))
        text = _template("plain").replace("@part@", part)
        modules[f"{folder}/{topic}_stock_{part}.py"] = _filled(text, topic, number)
    return modules


def _package(number: int, all_migrated: bool) -> dict[str, str]:
    modules = {"__init__.py": "", "_blocking_calls.py": _template("blocking_calls")}
    for position, topic in enumerate(TOPICS):
        if all_migrated or position == 0:
            modules[f"{topic}_base.py"] = _filled(_template("base"), topic, number)
            modules[f"{topic}_actions.py"] = _filled(_actions(number + position), topic, number)
        if all_migrated:
            modules[f"{topic}_forms.py"] = _filled(_template("forms"), topic, number)
    while len(modules) < PACKAGE_SIZE:
        part = len(modules)
        topic = TOPICS[part % len(TOPICS)]
        text = _template("plain").replace("@part@", str(part))
        modules[f"{topic}_stock_{part}.py"] = _filled(text, topic, number)
    return modules


def _actions(turn: int) -> str:
    """Actions modules in different orders and of two lengths, in turn."""
    head, note, report, reminder = map(_template, ("actions", "note", "report", "reminder"))
    if turn % 3 == 0:
        return head + note + report
    text = head.replace("import logging\n", "import asyncio\nimport logging\n", 1)
    return text + (note + reminder + report if turn % 3 == 1 else report + note + reminder)


@functools.cache
def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def _filled(template: str, topic: str, number: int) -> str:
    return (
        template.replace("@topic@", topic)
        .replace("@Topic@", topic.title())
        .replace("@TOPIC@", topic.upper())
        .replace("@number@", f"{number:03}")
    )
