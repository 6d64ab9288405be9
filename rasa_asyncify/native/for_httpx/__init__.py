"""Calls of ``httpx`` on its ``AsyncClient``. May import ``strategy`` and what ``native`` may import."""
