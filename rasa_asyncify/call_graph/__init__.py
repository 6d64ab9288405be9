"""Who calls whom, from where the SDK enters. Decides nothing.

May import ``calls``, ``flow``, ``framework`` and below.
"""
