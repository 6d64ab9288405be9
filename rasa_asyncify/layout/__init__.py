"""From which folders a project is started and its modules are imported. May import ``project``."""
