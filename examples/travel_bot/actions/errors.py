class BackendError(Exception):
    """A service that the bot depends on gave no usable answer."""
