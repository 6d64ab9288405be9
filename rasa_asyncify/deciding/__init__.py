"""What happens to each function and call site, and the edits that say so. May import all but ``findings``."""
