"""The differential suite: small actions, original and migrated, against the same servers.

`cases/<part>.toml` holds the cases, `loading` reads them and writes the project, `farm` is what the
actions talk to, `comparing` runs both copies and tells how they differ, `table` sums up.
"""
