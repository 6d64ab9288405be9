"""What is known to go wrong: the constructs, and which kinds of problems a program with one of them may have.

An entry goes when the construct is mended: `run_constructs.py --singles` tells.
"""

from __future__ import annotations

UNSEEN = frozenset({"held unseen", "held elsewhere"})  # it blocks, and nothing says so

KNOWN: dict[str, frozenset[str]] = {
    # What Python calls by itself, which the README names among the known limits.
    "__str__": UNSEEN,
    "operators": UNSEEN,
    "property with a setter": UNSEEN,
    "descriptor": UNSEEN,
    "__getattr__ that delegates": UNSEEN,
    "ExitStack callback": UNSEEN,
    "weakref finalizer": UNSEEN,
    # Put in place of something at run time.
    "a function of a module replaced": UNSEEN,
    "class made by type": UNSEEN,
    # Found by a name or in a collection.
    "attrgetter": UNSEEN,
    "methodcaller": UNSEEN,
}
