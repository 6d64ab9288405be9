"""Where the helpers live that new code calls, and by which names it calls them. May import ``call_graph`` and below."""
