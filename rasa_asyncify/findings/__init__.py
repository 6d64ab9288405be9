"""What is left to the maintainer, read from what was decided. May import ``deciding`` and below."""
