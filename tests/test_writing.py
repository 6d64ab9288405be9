"""A file is replaced as a whole, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from rasa_asyncify.writing import is_writable, write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "actions.py"
    path.write_bytes(b"old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"new\r\n", bytes(range(256)) * 5000])
def test_replaces_the_contents(file: Path, data: bytes) -> None:
    write_atomically(file, data)
    assert file.read_bytes() == data
    assert names(file.parent) == ["actions.py"]


def test_a_relative_path(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    write_atomically(Path("actions.py"), b"new")
    assert file.read_bytes() == b"new"


@posix
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o664, 0o200])
def test_keeps_the_mode(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_atomically(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@posix
def test_keeps_the_owner_for_root(file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(file, 1234, 4321)
    write_atomically(file, b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


def test_an_owner_that_cannot_be_kept_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "chown", raising=False)
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_has_the_default_mode(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "new.py", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.py").stat().st_mode) == 0o666 & ~umask


@posix
def test_writes_the_target_of_a_link(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.py"
    link.symlink_to("../actions.py")
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert names(tmp_path / "elsewhere") == ["link.py"]


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "chmod"), (Path, "replace")])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str], error: BaseException
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(*step, fail)
    with pytest.raises(type(error)):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(file.parent) == ["actions.py"]


def test_the_new_file_is_complete_when_it_takes_the_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is renamed is on the disk already, with its mode, and is no Python file by name."""
    replace = Path.replace
    seen = []

    def spy(source: Path, target: Path) -> None:
        seen.append((source.read_bytes(), source.suffix, target))
        assert source.stat().st_mode == file.stat().st_mode
        replace(source, target)

    monkeypatch.setattr(Path, "replace", spy)
    write_atomically(file, b"new")
    assert seen == [(b"new", ".tmp", file)]


@pytest.mark.parametrize("mode", [0o444, 0o555, 0o400])
def test_a_read_only_file_is_not_written_even_by_root(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert not is_writable(file)
    with pytest.raises(PermissionError, match=r"actions\.py"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    file.chmod(0o644)
    assert is_writable(file)


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    assert not is_writable(tmp_path)
    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(tmp_path, b"new")


def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.py"
    assert not is_writable(path)
    with pytest.raises(FileNotFoundError):
        write_atomically(path, b"new")
    assert is_writable(tmp_path / "new.py")


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".py")
    try:
        path.write_bytes(b"old")
    except OSError:
        pytest.skip("names are shorter here")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
