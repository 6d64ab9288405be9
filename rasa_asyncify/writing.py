"""Replacing a file as a whole: at any moment there is the old one or the new one, never half."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

_ANY_WRITE_BIT = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the contents of a file, or make it; a symbolic link's target, not the link.

    The mode is kept, and the owner where the system allows that; a new file gets the default mode.
    Whatever fails (KeyboardInterrupt included), the old file is whole and nothing is left beside
    it. Other hard links to the file keep the old contents.
    Raises PermissionError for a file without a write bit (for root as well) or without the right
    to write, and any other OSError that the system has.
    """
    target = Path(os.path.realpath(path))
    before = _status(target)
    if before is not None:
        _require_writable(target, before)
    # Beside the target, because only there can it be renamed; no .py, so no tool takes it for one.
    temporary = target.parent / f".{target.name[:32]}.{os.urandom(6).hex()}.tmp"
    try:
        _write_new(temporary, data, 0o666 if before is None else 0o600)
        if before is not None:
            _copy_owner_and_mode(temporary, before)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def is_writable(path: Path) -> bool:
    """Whether `write_atomically` may replace (or make) this file, as far as can be told before."""
    target = Path(os.path.realpath(path))
    try:
        status = _status(target)
        if status is not None:
            _require_writable(target, status)
    except OSError:
        return False
    return os.access(target.parent, os.W_OK | os.X_OK)


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _require_writable(target: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(target))
    if not status.st_mode & _ANY_WRITE_BIT:
        raise PermissionError(errno.EACCES, "read-only file", str(target))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def _write_new(path: Path, data: bytes, mode: int) -> None:
    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, mode)

    with open(path, "xb", opener=opener) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _copy_owner_and_mode(path: Path, before: os.stat_result) -> None:
    if hasattr(os, "chown"):
        now = path.stat()
        if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
            with contextlib.suppress(OSError):  # only root may give files away
                os.chown(path, before.st_uid, before.st_gid)
    path.chmod(stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where folders can be synced (not on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
