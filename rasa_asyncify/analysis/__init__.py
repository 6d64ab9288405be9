"""Decide what changes: from entry points through the calls they make to one decision per site."""
