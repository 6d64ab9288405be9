"""Calls of ``requests`` over aiohttp. May import ``strategy`` and what ``native`` may import."""
