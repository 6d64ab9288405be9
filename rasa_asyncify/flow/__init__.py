"""One function's own code: what runs after what, where names are bound and read.

May import ``inference``, ``project``.
"""
