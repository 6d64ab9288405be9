"""What a project requires, by what it writes where; and which rasa-sdk that is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rasa_asyncify.requirements import (
    Requirement,
    SdkPin,
    read_requirements,
    requirements_file_for,
    sdk_pin,
)


def project(root: Path, files: dict[str, str]) -> list[Requirement]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_requirements(root)


def short(requirements: list[Requirement]) -> str:
    """One line: `name specifier @line`, for comparison."""
    return " | ".join(f"{item.name}{item.specifier} @{item.line}" for item in requirements)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rasa-sdk==1.4.0", "rasa-sdk==1.4.0 @1"),
        ("Rasa_SDK == 1.4.0", "rasa-sdk==1.4.0 @1"),
        ("rasa_core_sdk~=0.11.0", "rasa-core-sdk~=0.11.0 @1"),
        ("rasa[spacy, full] >= 2.8 , <3.0", "rasa>=2.8,<3.0 @1"),
        ("rasa-sdk (>=1.4)", "rasa-sdk>=1.4 @1"),
        ("rasa-sdk==1.4.*  # why", "rasa-sdk==1.4.* @1"),
        ("requests", "requests @1"),
        ("requests>=2; python_version < '3.9'", "requests>=2 @1"),
        ("requests ; extra == 'x'", "requests @1"),
        ("rasa-sdk==3.6.2 --hash=sha256:abc --hash=sha256:def", "rasa-sdk==3.6.2 @1"),
        ("rasa-sdk==3.6.2 \\\n    --hash=sha256:abc\nb==1", "rasa-sdk==3.6.2 @1 | b==1 @3"),
        ("rasa-sdk @ git+https://example.org/x.git", "rasa-sdk @1"),
        ("torch===1.0+cpu", "torch===1.0+cpu @1"),
        ("# rasa==1\n\n  # x\r\na\r\n", "a @4"),
        ("-r other.txt\n-e .\n--index-url https://x\nhttps://x/y.whl\n./local", ""),
        ("rasa=2.8\n==1\n???\nrasa-sdk 1.4\n", ""),
        ("\ufeffrasa==2.8.1", "rasa==2.8.1 @1"),
        ("", ""),
    ],
)
def test_requirements_txt(tmp_path: Path, line: str, expected: str) -> None:
    assert short(project(tmp_path, {"requirements.txt": line})) == expected


def test_requirements_txt_of_power_shell(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("rasa==2.8.1\r\nb==1\r\n".encode("utf-16"))
    assert short(read_requirements(tmp_path)) == "rasa==2.8.1 @1 | b==1 @2"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "pyproject.toml",
            """[project]
dependencies = [
    "rasa-sdk[x]~=3.6.0; python_version < '3.11'",
    "requests",
    "not a requirement",
    3,
]
[project.optional-dependencies]
dev = ["pytest>=8"]
[dependency-groups]
docs = ["mkdocs", {include-group = "dev"}]
""",
            "rasa-sdk~=3.6.0 @3 | requests @4 | pytest>=8 @9 | mkdocs @11",
            id="PEP 621",
        ),
        pytest.param(
            "pyproject.toml",
            """[tool.poetry.dependencies]
python = ">=3.8,<3.11"
rasa = "^2.8"
rasa-sdk = {version = "~1.4", extras = ["x"]}
a = "*"
b = "1.4.*"
c = "1.4.0"
d = [{version = "^1", python = "<3.8"}, {version = ">=2, <3"}]
e = {git = "https://example.org"}
f = "^0.3.1 || ^0.0.4"
g = "~2"
h = ">= 1.4"
[tool.poetry.dev-dependencies]
i = "~1.4.2"
[tool.poetry.group.test.dependencies]
j = "^0"
[tool.poetry.group.test.dependencies.k]
version = "1.0"
""",
            "rasa>=2.8,<3 @3 | rasa-sdk>=1.4,<1.5 @4 | a @5 | b==1.4.* @6 | c==1.4.0 @7 | "
            "d>=1,<2 @8 | d>=2,<3 @8 | e @9 | f>=0.0.4,<0.0.5 @10 | f>=0.3.1,<0.4 @10 | "
            "g>=2,<3 @11 | h>=1.4 @12 | i>=1.4.2,<1.5 @14 | j>=0,<1 @16 | k==1.0 @17",
            id="Poetry",
        ),
        pytest.param("pyproject.toml", "[tool.black]\n", "", id="no dependencies"),
        pytest.param("pyproject.toml", "[project]\ndependencies = 3\n[tool]\npoetry = 1", "",
                     id="wrong types"),
        pytest.param("pyproject.toml", "[project", "", id="no TOML"),
        pytest.param(
            "Pipfile",
            '[[source]]\nname = "pypi"\n[packages]\nrasa-sdk = "==1.4.0"\na = "*"\n'
            'b = {version = "~=2.8", extras = ["x"]}\n[dev-packages]\nc = ">=1"\n'
            '[requires]\npython_version = "3.7"\n',
            "rasa-sdk==1.4.0 @4 | a @5 | b~=2.8 @6 | c>=1 @8", id="Pipfile",
        ),
        pytest.param(
            "setup.cfg",
            "[metadata]\nname = x\n[options]\ninstall_requires =\n    rasa-sdk>=1.4,<1.5\n"
            "    requests\n[options.extras_require]\ndev = pytest; python_version>'3'\n",
            "rasa-sdk>=1.4,<1.5 @5 | requests @6 | pytest @8", id="setup.cfg",
        ),
        pytest.param("setup.cfg", "x\n[", "", id="no INI"),
        pytest.param(
            "setup.py",
            "from setuptools import setup\nrequired = ['requests', *more]\nsetup(\n"
            "    install_requires=[\n        'rasa-sdk==1.4.0',\n    ] + required + read(),\n"
            "    extras_require={'x': ['a>1'], 'y': required},\n)\nother(install_requires=['z'])\n",
            "requests @2 | requests @2 | rasa-sdk==1.4.0 @5 | a>1 @7", id="setup.py",
        ),
        pytest.param("setup.py", "setup(\n", "", id="no Python"),
        pytest.param("setup.py", "x = [*x]\nsetup(install_requires=x)", "", id="circular"),
        pytest.param("Dockerfile", "FROM rasa/rasa-sdk:1.4.0\n", "rasa-sdk==1.4.0 @1", id="image"),
        pytest.param(
            "Dockerfile.prod",
            "ARG VERSION=2.8.1\n# x\nfrom --platform=linux/amd64 docker.io/rasa/rasa:"
            "${VERSION}-full AS base\nFROM rasa/rasa_core_sdk:0.11\nFROM rasa/rasa-sdk:latest\n"
            "FROM python:3.8\nFROM rasa/duckling\nFROM rasa/rasa:${UNKNOWN:-3.1.0}\n"
            "FROM rasa/rasa-sdk@sha256:abc",
            "rasa==2.8.1 @3 | rasa-core-sdk==0.11.* @4 | rasa-sdk @5 | rasa==3.1.0 @8 | "
            "rasa-sdk @9", id="images",
        ),
        pytest.param(
            "server.Dockerfile",
            "RUN apt-get install x && pip install -U --no-cache-dir -r requirements.txt \\\n"
            "    # a comment inside\n    'rasa-sdk==1.4.0' \"b>=1\" -i https://x c && rm -r d\n"
            "RUN python -m pip3 install --index-url=https://y e==1; echo f\n",
            "b>=1 @1 | c @1 | rasa-sdk==1.4.0 @1 | e==1 @4", id="pip install",
        ),
        pytest.param(
            "docker-compose.yml",
            "services:\n  rasa:\n    image: 'rasa/rasa:2.8.1-full'\n  action:\n"
            "    image: rasa/rasa-sdk:${TAG:-2.8.0} # x\n  db:\n    image: postgres:9\n",
            "rasa==2.8.1 @3 | rasa-sdk==2.8.0 @5", id="Compose",
        ),
    ],
)  # fmt: skip
def test_other_files(tmp_path: Path, name: str, text: str, expected: str) -> None:
    assert short(project(tmp_path, {name: text})) == expected


def test_which_files_are_read(tmp_path: Path) -> None:
    read = [
        "Dockerfile", "actions/requirements-dev.txt", "bot/dev-requirements.txt",
        "requirements/base.txt", "requirements.txt",
    ]  # fmt: skip
    others = [
        "notes.txt", "venv/requirements.txt", "env/pyvenv.cfg", "env/requirements.txt",
        "x/node_modules/y/requirements.txt", ".git/requirements.txt", "Dockerfilex/a.txt",
        "a/b/c/d/e/f/requirements.txt",
    ]  # fmt: skip
    found = project(tmp_path, dict.fromkeys([*read, *others], "RUN pip install x\nx\n"))
    names = [item.path.relative_to(tmp_path).as_posix() for item in found]
    assert sorted(names) == sorted(read)


@pytest.mark.parametrize(
    ("lines", "version", "awaits_run", "awaits_forms"),
    [
        pytest.param("rasa-sdk==1.4.0", "rasa-sdk==1.4.0", False, False, id="before 1.5"),
        pytest.param("rasa-sdk==1.4.*", "rasa-sdk==1.4.*", False, False, id="wildcard"),
        pytest.param("rasa-sdk~=1.4.0", "rasa-sdk~=1.4.0", False, False, id="compatible patch"),
        pytest.param("rasa-sdk<1.5", "rasa-sdk<1.5", False, False, id="less"),
        pytest.param("rasa-sdk<=1.5", "rasa-sdk<=1.5", True, False, id="less or equal"),
        pytest.param("rasa-sdk>1.4.3,<1.4.7", "rasa-sdk>1.4.3,<1.4.7", False, False, id="between"),
        pytest.param("rasa-sdk~=1.4", "rasa-sdk~=1.4", True, True, id="compatible minor: 1.10"),
        pytest.param("rasa-sdk==1.5.0", "rasa-sdk==1.5.0", True, False, id="awaits run only"),
        pytest.param("rasa-sdk==1.6.1", "rasa-sdk==1.6.1", True, False, id="before 1.7"),
        pytest.param("rasa-sdk>=1.1,<1.7", "rasa-sdk>=1.1,<1.7", True, False, id="range to 1.7"),
        pytest.param("rasa-sdk==1.7.0", "rasa-sdk==1.7.0", True, True, id="1.7"),
        pytest.param("rasa-sdk==1.10.2", "rasa-sdk==1.10.2", True, True, id="1.10 is not 1.1"),
        pytest.param("rasa-sdk==3.21.1", "rasa-sdk==3.21.1", True, True, id="newest"),
        pytest.param("rasa-sdk>=1.0", "rasa-sdk>=1.0", True, True, id="open"),
        pytest.param("rasa-sdk!=1.4.0,<1.4.1", "rasa-sdk!=1.4.0,<1.4.1", False, False, id="but"),
        pytest.param("rasa-sdk==1.7.0a2", "rasa-sdk==1.7.0a2", True, True, id="pre-release"),
        pytest.param("rasa==1.4.6", "rasa==1.4.6", False, False, id="rasa's minor is the SDK's"),
        pytest.param("rasa[x]==2.8.1", "rasa==2.8.1", True, True, id="rasa"),
        pytest.param("rasa==2.8.1\nrasa-sdk==1.4.0", "rasa-sdk==1.4.0", False, False,
                     id="the SDK before rasa"),
        pytest.param("rasa==1.4.6\nrasa-sdk", "rasa==1.4.6", False, False,
                     id="rasa pins an SDK that is not pinned"),
        pytest.param("rasa-sdk==1.4.0\nrasa-sdk==1.10.1\nrasa-sdk==1.6.0", "rasa-sdk==1.10.1",
                     True, True, id="several: the newest"),
        pytest.param("rasa_core_sdk==0.11.0\nrasa_core==0.11", "rasa-core-sdk==0.11.0", False,
                     False, id="old"),
        pytest.param("rasa_core_sdk", "rasa-core-sdk", False, False, id="old, any version"),
        pytest.param("rasa_core", "rasa-core", False, False, id="older"),
        pytest.param("rasa-core-sdk\nrasa-sdk==1.10.1", "rasa-sdk==1.10.1", True, True,
                     id="old beside new"),
    ],
)  # fmt: skip
def test_sdk_pin(tmp_path: Path, lines: str, version: str, awaits_run: bool, awaits_forms: bool) -> None:
    requirements = project(tmp_path, {"requirements.txt": lines})
    pin = sdk_pin(requirements)
    line = 1 + next(i for i, text in enumerate(short(requirements).split(" | ")) if text.startswith(version))
    path = tmp_path / "requirements.txt"
    assert pin == SdkPin(version, path, line, awaits_run, awaits_forms)


@pytest.mark.parametrize("lines", ["", "requests==2", "rasa-sdk", "rasa", "rasa_core_sdk\nrasa-sdk"])
def test_no_pin(tmp_path: Path, lines: str) -> None:
    assert sdk_pin(project(tmp_path, {"requirements.txt": lines})) is None


@pytest.mark.parametrize("version", ["^1.4", "~1.4", "1.4.*", "^1.4.0 || ^2.0", "*"])
def test_pins_of_poetry(tmp_path: Path, version: str) -> None:
    text = f"[tool.poetry.dependencies]\nrasa-sdk = '{version}'\n"
    pin = sdk_pin(project(tmp_path, {"pyproject.toml": text}))
    awaits = pin.awaits_run if pin else None
    assert awaits == {"^1.4": True, "~1.4": False, "1.4.*": False, "*": None}.get(version, True)


@pytest.mark.parametrize(
    ("files", "near", "expected"),
    [
        pytest.param({}, "actions", None, id="none"),
        pytest.param({"requirements.txt": "# none\n"}, "actions", "requirements.txt", id="empty"),
        pytest.param({"requirements.txt": "pandas", "docs/requirements.txt": "mkdocs"}, "actions",
                     "requirements.txt", id="any"),
        pytest.param({"requirements.txt": "pandas", "docs/requirements.txt": "requests"}, "actions",
                     "docs/requirements.txt", id="one with requests"),
        pytest.param({"requirements.txt": "requests", "x/requirements.txt": "rasa"}, "actions",
                     "x/requirements.txt", id="one with rasa"),
        pytest.param({"requirements.txt": "rasa", "x/y/requirements.txt": "rasa-sdk"}, "actions",
                     "x/y/requirements.txt", id="one with rasa-sdk"),
        pytest.param({"requirements.txt": "rasa-sdk", "actions/requirements.txt": "rasa-sdk"},
                     "actions/api.py", "actions/requirements.txt", id="the nearest"),
        pytest.param({"requirements.txt": "rasa-sdk", "bot/requirements.txt": "rasa-sdk"},
                     "actions", "requirements.txt", id="above is nearer than beside"),
        pytest.param({"requirements.txt": "rasa-sdk", "requirements-dev.txt": "rasa-sdk",
                      "dev.txt": ""}, "actions", "requirements.txt", id="not for development"),
        pytest.param({"Dockerfile": "FROM rasa/rasa-sdk:3.6.2", "pyproject.toml":
                      "[project]\ndependencies = ['requests']"}, "actions", "pyproject.toml",
                     id="no Dockerfile"),
        pytest.param({"Dockerfile": "FROM rasa/rasa-sdk:3.6.2", "compose.yml":
                      "    image: rasa/rasa-sdk"}, "actions", "Dockerfile",
                     id="a Dockerfile at last"),
    ],
)  # fmt: skip
def test_where_a_new_requirement_belongs(
    tmp_path: Path, files: dict[str, str], near: str, expected: str | None
) -> None:
    requirements = project(tmp_path, {"actions/api.py": "", **files})
    found = requirements_file_for(requirements, tmp_path, tmp_path / near)
    assert found == (tmp_path / expected if expected else None)


def test_packaging_is_imported_only_for_a_pin(tmp_path: Path) -> None:
    project(tmp_path, {"requirements.txt": "rasa-sdk\nrequests==2\n"})
    code = (
        "import sys, pathlib; from rasa_asyncify import requirements as r; "
        "r.sdk_pin(r.read_requirements(pathlib.Path(sys.argv[1]))); "
        "print(sorted({'packaging', 'tomllib', 'tomli'} & {*sys.modules}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
