"""What statements and calls become: the LibCST nodes of the new code."""
