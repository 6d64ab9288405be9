"""Carry a plan out with LibCST. Nothing is decided here."""
