"""Code beside the bot that calls its helpers: scripts and tests. They are run as well."""

from __future__ import annotations

from .model import Construct, construct

SCRIPTS: list[Construct] = [
    construct(
        "script",
        """
        def main_N():
            print($a("k1"))


        if __name__ == "__main__":
            main_N()
        """,
        "main_N",
    ),
    construct(
        "script, at module level",
        """
        for key in ("k1", "k2"):
            print($a(key))
        """,
        "None",
    ),
    construct(
        "script with a class",
        """
        class Script_N:
            def show(self):
                return [$a(key) for key in ["k1", "k2"]]


        print(Script_N().show())
        """,
        "None",
    ),
    construct(
        "test functions",
        """
        def test_value_N():
            assert str($a("k1"))
            print($a("k2"))


        test_value_N()
        """,
        "None",
    ),
]
