"""What a project may say in its pyproject.toml, and what it is told when it says it wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasa_asyncify.config import Config, ConfigError, load


def written(folder: Path, text: str | bytes) -> Path:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "pyproject.toml").write_bytes(data)
    return folder


def test_defaults_without_a_file(tmp_path: Path) -> None:
    assert load(tmp_path) == Config(exclude=None, extend_exclude=None, black="changed")


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", Config()),
        ("[tool.black]\nline-length = 100\n", Config()),
        ("[tool.rasa-asyncify]\n", Config()),
        ("[tool.rasa-asyncify]\nblack = 'off'\n", Config(black="off")),
        ("[tool]\nrasa-asyncify.black = 'whole-file'\n", Config(black="whole-file")),
        (
            "[tool.rasa-asyncify]\nexclude = '/old/'\nextend-exclude = '''\n/(\n  x # why\n)/'''\n",
            Config(exclude="/old/", extend_exclude="/(\n  x # why\n)/"),
        ),
    ],
)
def test_reads_its_table(tmp_path: Path, text: str, config: Config) -> None:
    assert load(written(tmp_path, text)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.rasa-asyncify]\nexlude = ''\n", "has no key 'exlude'; did you mean 'exclude'?"),
        ("[tool.rasa-asyncify]\nextend_exclude = ''\n", "did you mean 'extend-exclude'?"),
        ("[tool.rasa-asyncify]\nqqq = 1\n", "no key 'qqq' (there are: exclude, extend-exclude, "),
        ("[tool.rasa-asyncify]\nexclude = 3\n", "exclude must be a string"),
        ("[tool.rasa-asyncify]\nexclude = '('\n", "exclude '(' is not a regular expression"),
        (
            "[tool.rasa-asyncify]\nblack = 'on'\n",
            "black must be one of 'changed', 'whole-file', 'off', not 'on'",
        ),
        ("[tool.rasa-asyncify]\nblack = false\n", "not False"),
        ("[tool]\nrasa-asyncify = 1\n", "[tool.rasa-asyncify] must be a table"),
        ("tool = []\n", "[tool.rasa-asyncify] must be a table"),
        ("[tool.rasa-asyncify\n", "not valid TOML: "),
        (b"x = '\xe9'\n", "not valid TOML: "),
    ],
)
def test_errors_say_what_to_do(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert message in caught.value.message
    assert str(caught.value) == f"{tmp_path / 'pyproject.toml'}: {caught.value.message}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a folder is opened otherwise")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_toml_is_imported_only_where_there_is_a_file(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from rasa_asyncify import config; "
        "config.load(pathlib.Path(sys.argv[1])); print(not {'tomllib', 'tomli'} & {*sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "True"
