"""What goes to a worker thread, in which piece, together or alone. May import ``call_graph`` and below."""
