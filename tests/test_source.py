"""Reading a file and writing it back must not cost a byte."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from rasa_asyncify.source import Source, SourceError, decode, encode

PATH = Path("actions/actions.py")
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("data", "text", "encoding", "bom", "newline"),
    [
        pytest.param(b"", "", "utf-8", False, "\n", id="empty"),
        pytest.param(b"x = 1\n", "x = 1\n", "utf-8", False, "\n", id="plain"),
        pytest.param(b"x = 1", "x = 1", "utf-8", False, "\n", id="no newline at the end"),
        pytest.param("x = 'é'\n".encode(), "x = 'é'\n", "utf-8", False, "\n", id="utf-8"),
        pytest.param(b"a\r\nb\r\n", "a\nb\n", "utf-8", False, "\r\n", id="CRLF"),
        pytest.param(b"a\rb\r", "a\nb\n", "utf-8", False, "\r", id="CR"),
        pytest.param(b"a\r\nb\n", "a\r\nb\n", "utf-8", False, "mixed", id="CRLF and LF"),
        pytest.param(b"a\rb\n", "a\rb\n", "utf-8", False, "mixed", id="CR and LF"),
        pytest.param(b"a\r\r\nb", "a\r\r\nb", "utf-8", False, "mixed", id="CR before CRLF"),
        pytest.param(b"a\n\rb", "a\n\rb", "utf-8", False, "mixed", id="LF, then CR"),
        pytest.param(BOM + b"x\n", "x\n", "utf-8", True, "\n", id="BOM"),
        pytest.param(BOM + BOM + b"x", "\ufeffx", "utf-8", True, "\n", id="two BOMs"),
        pytest.param(BOM + b"a\r\nb", "a\nb", "utf-8", True, "\r\n", id="BOM and CRLF"),
        pytest.param(b"\tx\n\x0c\ny\x0b\n", "\tx\n\x0c\ny\x0b\n", "utf-8", False, "\n", id="FF"),
        pytest.param(
            "x = '\x85\u2028'\r\n".encode(), "x = '\x85\u2028'\n", "utf-8", False, "\r\n", id="NEL"
        ),
        pytest.param(
            b"# coding: latin-1\n'\xe9'\n", "# coding: latin-1\n'é'\n", "latin-1", False, "\n",
            id="cookie",
        ),
        pytest.param(
            b"#!/usr/bin/python\r\n# -*- coding: cp1252 -*-\r\n'\x80'",
            "#!/usr/bin/python\n# -*- coding: cp1252 -*-\n'€'", "cp1252", False, "\r\n",
            id="cookie in the second line",
        ),
        pytest.param(
            b"# caf\xe9\n# coding=latin-1\n", "# café\n# coding=latin-1\n", "latin-1", False, "\n",
            id="the first line needs the cookie of the second",
        ),
        pytest.param(
            b"#\r# coding: latin-1\r'\xe9'", "#\n# coding: latin-1\n'é'", "latin-1", False, "\r",
            id="cookie between CRs",
        ),
        pytest.param(
            b"x = 1\n# coding: latin-1\n'\xc3\xa9'", "x = 1\n# coding: latin-1\n'é'", "utf-8",
            False, "\n", id="no cookie after code",
        ),
        pytest.param(
            b"\n\n# coding: latin-1\n'\xc3\xa9'", "\n\n# coding: latin-1\n'é'", "utf-8",
            False, "\n", id="no cookie in the third line",
        ),
        pytest.param(
            b"# coding: utf-8-sig\n", "# coding: utf-8-sig\n", "utf-8-sig", False, "\n",
            id="utf-8-sig without BOM gains none",
        ),
        pytest.param(
            BOM + b"# coding: utf-8-sig\n", "# coding: utf-8-sig\n", "utf-8-sig", True, "\n",
            id="utf-8-sig with BOM",
        ),
        pytest.param(
            BOM + b"# vim: set fileencoding=UTF8 :\n", "# vim: set fileencoding=UTF8 :\n", "UTF8",
            True, "\n", id="vim's cookie",
        ),
    ],
)  # fmt: skip
def test_decode_and_back(data: bytes, text: str, encoding: str, bom: bool, newline: str) -> None:
    source = decode(PATH, data)
    assert source == Source(PATH, text, encoding, bom, newline)
    assert encode(source, source.text) == data


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_byte_of_latin_1_survives(newline: bytes) -> None:
    others = bytes(byte for byte in range(1, 256) if byte not in b"\r\n")
    data = b"# coding: latin-1" + newline + others + newline
    source = decode(PATH, data)
    assert encode(source, source.text) == data


def test_new_lines_get_the_newline_of_the_file() -> None:
    source = decode(PATH, BOM + b"import time\r\n")
    assert encode(source, "import asyncio\nimport time\n") == (BOM + b"import asyncio\r\nimport time\r\n")


@pytest.mark.parametrize(
    ("data", "line", "cause"),
    [
        (b"a\n'\xe9'\n", 2, "not decodable as utf-8 (byte 0xe9)"),
        (b"a\r\nb\rc\n'\xe9'", 4, "not decodable as utf-8 (byte 0xe9)"),
        (b"# coding: cp1252\n\x81", 2, "not decodable as cp1252 (byte 0x81)"),
        (b"#\n# coding: klingon\n", 2, "unknown encoding 'klingon' in the cookie"),
        (b"# coding: rot13\n", 1, "unknown encoding 'rot13' in the cookie"),
        (b"# coding: hex\n", 1, "unknown encoding 'hex' in the cookie"),
        (BOM + b"# coding: latin-1\n", 1, "byte order mark of UTF-8, but a cookie for 'latin-1'"),
        (b"a\n\n\x00", 3, "contains NUL bytes"),
        ("x = 1\n".encode("utf-16-le"), 1, "contains NUL bytes"),
        (b"# coding: utf-16\nabc", None, "utf-16 would not give the same bytes back"),
        (b"# coding: iso2022_jp\n'\x1b(B'", None, "would not give the same bytes back"),
    ],
)
def test_errors_name_line_and_cause(data: bytes, line: int | None, cause: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode(PATH, data)
    error = caught.value
    assert (error.path, error.line) == (PATH, line)
    assert cause in error.cause
    assert str(error) == f"{PATH}{f':{line}' if line else ''}: {error.cause}"


def test_a_character_that_the_codec_lacks() -> None:
    source = decode(PATH, b"# coding: latin-1\n")
    with pytest.raises(SourceError, match="2: latin-1 has no '€'"):
        encode(source, "# coding: latin-1\n'€'\n")


def test_error_crosses_a_process_border() -> None:
    error = SourceError(PATH, 3, "contains NUL bytes")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("data", [b"# coding: latin-1\n'\xe9'", b"#\n# coding: utf-8\n'\xc3\xa9'"])
def test_reads_what_the_interpreter_reads(data: bytes) -> None:
    assert eval(compile(data, "f", "eval")) == eval(decode(PATH, data).text.splitlines()[-1])
