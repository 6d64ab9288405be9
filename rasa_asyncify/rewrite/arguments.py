"""Arguments of calls that new code gets."""

from __future__ import annotations

import libcst as cst


def keyword_argument(name: str, value: str) -> cst.Arg:
    """``name=value``, the value as source text."""
    return named(cst.Arg(cst.parse_expression(value)), name)


def named(argument: cst.Arg, name: str) -> cst.Arg:
    """The argument, given by ``name``."""
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return argument.with_changes(keyword=cst.Name(name), equal=equal)
