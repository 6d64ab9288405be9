"""Arguments of calls that new code gets."""

from __future__ import annotations

import libcst as cst


def keyword_argument(name: str, value: str) -> cst.Arg:
    """``name=value``, the value as source text."""
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(cst.parse_expression(value), keyword=cst.Name(name), equal=equal)
