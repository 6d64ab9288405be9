"""A generator of programs that call what blocks in every way that Python has."""

from __future__ import annotations

from .actions import ACTIONS
from .classes import CLASSES
from .flow import FLOW
from .functions import FUNCTIONS
from .leaves import LEAVES
from .overrides import OVERRIDES
from .registries import REGISTRIES
from .scripts import SCRIPTS
from .wrappers import DECORATORS, THREADS

CONSTRUCTS = [*FUNCTIONS, *FLOW, *CLASSES, *OVERRIDES, *REGISTRIES, *DECORATORS, *THREADS]

__all__ = ["ACTIONS", "CONSTRUCTS", "LEAVES", "SCRIPTS"]
