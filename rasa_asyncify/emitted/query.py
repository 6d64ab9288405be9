"""What HTTP calls need to do as they did before, without holding the event loop."""


def query(params):
    """Query parameters or form fields as requests sends them: None left out, the rest as text."""
    if params is None or isinstance(params, str):
        return params
    pairs = params.items() if hasattr(params, "items") else params
    lists = (
        (key, [value] if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else value)
        for key, value in pairs
    )
    return [(str(key), str(value)) for key, values in lists for value in values if value is not None] or None
