"""What an expression may evaluate to, anywhere in the project. May import the catalogue and ``project``."""
