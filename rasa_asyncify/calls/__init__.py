"""The call sites of a scope: what blocks there, and what of the project is called.

May import ``inference`` and below.
"""
