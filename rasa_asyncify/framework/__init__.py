"""What rasa-sdk calls, what it awaits, and what calls of actions look like. May import ``project``."""
