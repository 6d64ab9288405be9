"""What rasa-sdk calls, and what it awaits. Imports nothing of the other rooms."""
