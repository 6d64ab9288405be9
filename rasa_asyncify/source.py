"""Bytes of a Python file to text and back, without the loss of a single byte."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"[ \t\f]*(?:#.*)?$")
# What ends a line of Python. str.splitlines knows more ("\x0c", "\x85", "\u2028"), which don't.
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Source:
    """The text of one file, with what `encode` needs to write it as it was.

    `path` is as given. `text` is without byte order mark; its newlines are "\\n" if the file used
    one kind throughout, otherwise (`newline == "mixed"`) they are as they stood. `encoding` is the
    codec's name as the cookie has it, or "utf-8". `newline` is "\\n", "\\r\\n", "\\r" or "mixed".
    """

    path: Path
    text: str
    encoding: str
    bom: bool
    newline: str


class SourceError(Exception):
    """A file that cannot be read as Python source: where (a 1-based line, if known) and why."""

    def __init__(self, path: Path, line: int | None, cause: str) -> None:
        super().__init__(path, line, cause)
        self.path = path
        self.line = line
        self.cause = cause

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.cause}"


def decode(path: Path, data: bytes) -> Source:
    """Decode the bytes of a Python file as the interpreter would (PEP 263).

    Raises SourceError where the bytes don't decode, the cookie names no codec, contradicts the
    byte order mark or names a codec that would not give the same bytes back, and for NUL bytes.
    """
    bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    encoding = _cookie(path, body, bom)
    if b"\0" in body:
        raise SourceError(path, _line(body, body.index(b"\0")), "contains NUL bytes")
    text = _decoded(path, body, encoding)
    if "\r" not in text:
        return Source(path, text, encoding, bom, "\n")
    newline = _newline_kind(text)
    if newline != "mixed":
        text = text.replace(newline, "\n")
    return Source(path, text, encoding, bom, newline)


def encode(source: Source, text: str) -> bytes:
    """Encode a text as `source` was: `encode(source, source.text)` is the file, byte for byte.

    Raises SourceError where the file's codec lacks a character of the text.
    """
    if source.newline not in ("\n", "mixed"):
        text = text.replace("\n", source.newline)
    try:
        body = text.encode(_codec(source.encoding))
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        cause = f"{source.encoding} has no {text[error.start]!r}"
        raise SourceError(source.path, line, cause) from error
    return codecs.BOM_UTF8 + body if source.bom else body


def _cookie(path: Path, body: bytes, bom: bool) -> str:
    """The codec that the first two lines name, or "utf-8"."""
    end = body.find(b"\n", body.find(b"\n") + 1)
    head = body if end < 0 else body[:end]
    if b"coding" not in head:
        return "utf-8"
    for number, line in enumerate(_NEWLINE.split(head, 2)[:2], start=1):
        if match := _COOKIE.match(line):
            return _known(path, number, match[1].decode("ascii"), bom)
        if not _BLANK_OR_COMMENT.match(line):
            break
    return "utf-8"


def _known(path: Path, line: int, name: str, bom: bool) -> str:
    """The name as given, if it is a text codec that goes with the byte order mark."""
    try:
        "".encode(_codec(name))
    except LookupError as error:
        raise SourceError(path, line, f"unknown encoding {name!r} in the cookie") from error
    if bom and codecs.lookup(_codec(name)).name != "utf-8":
        raise SourceError(path, line, f"byte order mark of UTF-8, but a cookie for {name!r}")
    return name


def _codec(encoding: str) -> str:
    """The codec to use: the byte order mark is kept apart from the text, so none that adds one."""
    return "utf-8" if encoding.lower().replace("_", "-") == "utf-8-sig" else encoding


def _decoded(path: Path, body: bytes, encoding: str) -> str:
    codec = _codec(encoding)
    try:
        text = body.decode(codec)
        if encoding != "utf-8" and text.encode(codec) != body:
            # e.g. ISO-2022-JP, which has several spellings of the same text
            raise SourceError(path, None, f"{encoding} would not give the same bytes back")
    except UnicodeDecodeError as error:
        cause = f"not decodable as {encoding} (byte 0x{body[error.start]:02x})"
        raise SourceError(path, _line(body, error.start), cause) from error
    except UnicodeError as error:  # some codecs know no position
        raise SourceError(path, None, f"not decodable as {encoding}: {error}") from error
    return text


def _line(body: bytes, offset: int) -> int:
    return len(_NEWLINE.findall(body, 0, offset)) + 1


def _newline_kind(text: str) -> str:
    """The one newline of a text with "\\r" in it, or "mixed"."""
    returns, feeds, pairs = text.count("\r"), text.count("\n"), text.count("\r\n")
    if returns == feeds == pairs:
        return "\r\n"
    return "mixed" if feeds else "\r"
