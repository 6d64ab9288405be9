"""Which file is read how; what the readers find is in test_requirements.py."""

from __future__ import annotations

import pytest

from rasa_asyncify.requirement_formats import UNREADABLE, reader_for


@pytest.mark.parametrize(
    ("name", "parent", "reader"),
    [
        ("requirements.txt", "bot", "_requirements_txt"),
        ("Requirements-Actions.TXT", "bot", "_requirements_txt"),
        ("dev.txt", "requirements", "_requirements_txt"),
        ("dev.txt", "bot", None),
        ("requirements.md", "requirements", None),
        ("pyproject.toml", "bot", "_pyproject"),
        ("setup.py", "bot", "_setup_py"),
        ("setup.cfg", "bot", "_setup_cfg"),
        ("Pipfile", "bot", "_pipfile"),
        ("Pipfile.lock", "bot", None),
        ("Dockerfile", "bot", "read_dockerfile"),
        ("Dockerfile.actions", "bot", "read_dockerfile"),
        ("actions.Dockerfile", "bot", "read_dockerfile"),
        ("docker-compose.override.yaml", "bot", "read_compose_file"),
        ("domain.yml", "bot", None),
        ("actions.py", "bot", None),
    ],
)
def test_reader_by_name(name: str, parent: str, reader: str | None) -> None:
    found = reader_for(name, parent)
    assert (found.__name__ if found else None) == reader


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project"),
        ("Pipfile", "="),
        ("setup.cfg", "x\n"),
        ("setup.py", "setup("),
        ("setup.py", "\0"),
        ("setup.py", "(" * 9999),
    ],
)
def test_what_is_broken_says_so_by_a_known_error(name: str, text: str) -> None:
    reader = reader_for(name, "")
    assert reader is not None
    with pytest.raises(UNREADABLE):
        list(reader(text))
