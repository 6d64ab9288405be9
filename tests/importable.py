"""Print which modules can be imported from where: `python importable.py FOLDER`, ways on standard input.

Prints [way, module, whether that imported another of the project's modules] for each.

Run by the interpreters that the tests use, so it is for Python 3.9 and the standard library. A way is a list of
folders, the first of them the working folder; each module below one of them is tried by its name from there.
"""

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path


def main(folder, ways):
    path = list(sys.path[1:])
    found = []
    for way in ways:
        for name in sorted({name for root in way for name in names(folder / root)}):
            os.chdir(folder / way[0])
            sys.path[:] = [str(folder / root) for root in way] + path
            if imports(name):
                others = [other for other in own(folder) if not (name + ".").startswith(other + ".")]
                found.append(["+".join(way), name, bool(others)])
            forget(folder)
    return found


def names(root):
    for file in root.rglob("*.py"):
        parts = file.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and all(part.isidentifier() for part in parts) and not parts[-1].startswith("_"):
            yield ".".join(parts)


def imports(name):
    importlib.invalidate_caches()
    try:
        importlib.import_module(name)
    except (Exception, SystemExit):
        return False
    return True


def forget(folder):
    """Drop the project's modules, so that the next import is the first one."""
    for name in list(own(folder)):
        del sys.modules[name]


def own(folder):
    """The names of the project's modules that are loaded."""
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None)]
        with contextlib.suppress(KeyError):
            places += getattr(module, "__path__", ())
        if any(isinstance(place, str) and place.startswith(str(folder) + os.sep) for place in places):
            yield name


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        answer = main(Path(sys.argv[1]).resolve(), json.load(sys.stdin))
    print(json.dumps(answer))
