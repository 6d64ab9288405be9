"""Which files are read: each case is a tree, and what of it remains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from rasa_asyncify.discovery import SKIPPED_FOLDERS, find_root, python_files


def tree(root: Path, files: Sequence[str] | dict[str, str]) -> Path:
    contents = files if isinstance(files, dict) else dict.fromkeys(files, "")
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def found(root: Path, *paths: str, exclude: str | None = None, extend: str | None = None) -> str:
    named = [root / path for path in paths] or [root]
    files = python_files(named, root, exclude=exclude, extend_exclude=extend)
    assert all(file.is_absolute() for file in files)
    return " ".join(file.relative_to(root).as_posix() for file in files)


def link(path: Path, target: Path | str) -> None:
    try:
        path.symlink_to(target, target_is_directory=Path(path.parent, target).is_dir())
    except OSError:
        pytest.skip("no symbolic links here")


@pytest.mark.parametrize(
    ("paths", "root"),
    [
        (["bot/actions"], "bot"),
        (["bot/actions/api/weather.py"], "bot"),
        (["bot/actions/actions.py", "bot/tests"], "bot"),
        (["other/actions", "bot/actions"], "."),
        (["bot"], "bot"),
        (["bot/missing.py"], "bot"),
        (["hg/actions"], "hg"),
        (["worktree/actions"], "worktree"),
    ],
)
def test_root_is_the_nearest_marker_above_all_paths(tmp_path: Path, paths: list[str], root: str) -> None:
    tree(tmp_path, ["bot/pyproject.toml", "bot/actions/actions.py", "bot/actions/api/weather.py"])
    tree(tmp_path, ["bot/tests/test_actions.py", "other/actions/actions.py", ".git/HEAD"])
    tree(tmp_path, ["hg/.hg/x", "hg/actions/actions.py", "worktree/.git", "worktree/actions/a.py"])
    assert find_root([tmp_path / path for path in paths]) == tmp_path / root


@pytest.mark.parametrize("path", ["actions", "actions/actions.py"])
def test_root_without_a_marker_is_the_common_parent(tmp_path: Path, path: str) -> None:
    tree(tmp_path, ["actions/actions.py"])
    if any((folder / m).exists() for folder in tmp_path.parents for m in (".git", ".hg")):
        pytest.skip("the temporary folder is in a repository")
    assert find_root([tmp_path / path]) == tmp_path / "actions"


def test_root_of_relative_paths_and_of_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, ["pyproject.toml", "actions/actions.py"])
    monkeypatch.chdir(tmp_path / "actions")
    assert find_root([Path("actions.py")]) == find_root([]) == find_root([Path()]) == tmp_path


def test_takes_python_files_of_folders_and_whatever_is_named(tmp_path: Path) -> None:
    tree(tmp_path, ["a.py", "b/c.py", "b/d.pyi", "b/e.txt", "b/f.ipynb", "b/script", "b/py"])
    assert found(tmp_path) == "a.py b/c.py"
    assert found(tmp_path, "b/script", "b") == "b/c.py b/script"
    assert found(tmp_path, "b", "b/c.py", "b/../b/c.py", ".") == "a.py b/c.py"


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py"):
        python_files([tmp_path / "nowhere.py"], tmp_path)


def test_skips_what_black_skips() -> None:
    from black.const import DEFAULT_EXCLUDES

    names = re.sub(r"^/\(|\)/$|\\", "", DEFAULT_EXCLUDES).split("|")
    assert len(names) > 15
    assert set(names) <= SKIPPED_FOLDERS


@pytest.mark.parametrize("folder", [".venv", "build", "lib/site-packages", "web/node_modules"])
def test_default_excludes(tmp_path: Path, folder: str) -> None:
    tree(tmp_path, ["a.py", f"{folder}/x.py", f"sub/{folder}/deep/x.py", "rebuild/b.py"])
    assert found(tmp_path) == "a.py rebuild/b.py"
    assert found(tmp_path, f"{folder}/x.py") == f"{folder}/x.py", "named, so taken"
    assert found(tmp_path, folder) == f"{folder}/x.py", "named, so walked"


def test_an_environment_is_skipped_under_any_name(tmp_path: Path) -> None:
    tree(tmp_path, ["env/a.py", "py39/pyvenv.cfg", "py39/lib/x.py", "py39/y.py"])
    assert found(tmp_path) == "env/a.py"
    assert found(tmp_path, exclude="nothing") == "env/a.py"


@pytest.mark.parametrize(
    ("exclude", "extend", "files"),
    [
        (None, None, "a.py actions/b.py actions/legacy/c.py"),
        ("/legacy/", None, "a.py actions/b.py build/d.py"),
        (None, "/legacy/", "a.py actions/b.py"),
        (None, r"^/a\.py$|c\.py$", "actions/b.py"),
        ("^/actions/", "/a.py", "build/d.py"),
        ("", None, "a.py actions/b.py actions/legacy/c.py build/d.py"),
        (None, "/(\n    legacy  # old forms\n  | x\n)/", "a.py actions/b.py"),
    ],
)
def test_expressions(tmp_path: Path, exclude: str | None, extend: str | None, files: str) -> None:
    tree(tmp_path, ["a.py", "actions/b.py", "actions/legacy/c.py", "build/d.py"])
    assert found(tmp_path, exclude=exclude, extend=extend) == files


def test_a_bad_expression_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression: .*"):
        python_files([tmp_path], tmp_path, extend_exclude="(")


@pytest.mark.parametrize(
    ("ignores", "files"),
    [
        pytest.param({".gitignore": "# only\n\n"}, "a.py gen/b.py gen/keep.py sub/gen/c.py",
                     id="no pattern"),
        pytest.param({".gitignore": "gen/\n"}, "a.py", id="a folder anywhere"),
        pytest.param({".gitignore": "/gen\n"}, "a.py sub/gen/c.py", id="anchored"),
        pytest.param({".gitignore": "\ufeffa.py\r\n"}, "gen/b.py gen/keep.py sub/gen/c.py",
                     id="BOM and CRLF"),
        pytest.param({".gitignore": "/gen/*\n!keep.py\n"}, "a.py gen/keep.py sub/gen/c.py",
                     id="negation"),
        pytest.param({".gitignore": "gen/\n!gen/keep.py\n"}, "a.py",
                     id="nothing returns from an ignored folder, as in git"),
        pytest.param({"sub/.gitignore": "gen\n"}, "a.py gen/b.py gen/keep.py",
                     id="nested: relative to its folder"),
        pytest.param({".gitignore": "*.py\n", "gen/.gitignore": "!keep.py\n"}, "gen/keep.py",
                     id="nested: the deeper one wins"),
        pytest.param({".gitignore": "!\na.py\n"}, "gen/b.py gen/keep.py sub/gen/c.py",
                     id="a bad pattern costs only itself"),
    ],
)  # fmt: skip
def test_gitignore(tmp_path: Path, ignores: dict[str, str], files: str) -> None:
    tree(tmp_path, ["a.py", "gen/b.py", "gen/keep.py", "sub/gen/c.py"])
    for name, text in ignores.items():
        (tmp_path / name).write_bytes(text.encode())
    assert found(tmp_path) == files


def test_gitignore_above_a_named_folder_holds_in_it(tmp_path: Path) -> None:
    tree(tmp_path, {".gitignore": "*_gen.py\n", "x/.gitignore": "old\n"})
    tree(tmp_path, ["x/y/a.py", "x/y/b_gen.py", "x/y/old/c.py"])
    assert found(tmp_path, "x/y") == "x/y/a.py"
    assert found(tmp_path, "x/y/old") == "x/y/old/c.py", "named, so walked though ignored"
    assert found(tmp_path, "x/y/b_gen.py") == "x/y/b_gen.py"


def test_agrees_with_git(tmp_path: Path) -> None:
    tree(tmp_path, {".gitignore": "gen*/\n*.log.py\n!keep.log.py\n/x/**/z\n", "x/.gitignore": "*"})
    tree(tmp_path, {"x/k/.gitignore": "!*.py\n", "n/.gitignore": "!*.log.py\n", "gen.py": ""})
    tree(tmp_path, ["gen1/a.py", "a.log.py", "keep.log.py", "x/k/a.py", "n/a.log.py", "n/b.py"])
    try:
        git = ["git", "-C", str(tmp_path)]
        subprocess.run([*git, "init", "-q"], check=True)
        listed = subprocess.run(
            [*git, "ls-files", "-o", "--exclude-standard", "*.py"], check=True, capture_output=True
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git")
    assert found(tmp_path).split() == sorted(listed.split())


def test_links(tmp_path: Path) -> None:
    tree(tmp_path, ["bot/a.py", "bot/actions/b.py", "bot/build/c.py", "outside/d.py"])
    bot = tmp_path / "bot"
    link(bot / "loop", ".")
    link(bot / "actions" / "up", "..")
    link(bot / "again", "actions")
    link(bot / "built", "build")
    link(bot / "away", "../outside")
    link(bot / "a_link.py", "a.py")
    link(bot / "d_link.py", "../outside/d.py")
    link(bot / "dangling.py", "nothing.py")
    link(bot / "selfish", "selfish")
    assert found(bot) == "a.py actions/b.py built/c.py d_link.py"
    assert found(bot, "a_link.py") == "a_link.py"
    assert python_files([bot / "away"], bot) == [tmp_path / "outside" / "d.py"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="reads everything")
def test_a_folder_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    tree(tmp_path, ["a.py", "pgdata/x.py"])
    (tmp_path / "pgdata").chmod(0)
    assert found(tmp_path) == "a.py"


@pytest.mark.parametrize(("gitignore", "imported"), [("", False), ("#\n\n", False), ("x\n", True)])
def test_pathspec_is_imported_only_for_a_pattern(tmp_path: Path, gitignore: str, imported: bool) -> None:
    tree(tmp_path, {"a.py": "", ".gitignore": gitignore})
    code = (
        "import sys, pathlib; from rasa_asyncify.discovery import python_files as f; "
        "p = pathlib.Path(sys.argv[1]); f([p], p); print('pathspec' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str(imported)


def test_is_fast(tmp_path: Path) -> None:
    patterns = "\n".join(f"name{number}/\n*.ext{number}" for number in range(50))
    tree(tmp_path, {".gitignore": patterns})
    tree(tmp_path, [f"package{i}/module{j}.py" for i in range(65) for j in range(20)])
    best = 9.0
    for _ in range(3):
        start = time.perf_counter()
        assert len(python_files([tmp_path], tmp_path)) == 1300
        best = min(best, time.perf_counter() - start)
    assert best < 0.5, "seconds; 0.05 on an idle machine"
