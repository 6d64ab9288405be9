"""What a project's modules define and import, read with the standard library's ``ast``."""
