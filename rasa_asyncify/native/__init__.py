"""Which calls have an asynchronous equivalent, or why not. May import ``call_graph`` and below."""
