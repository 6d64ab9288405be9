"""What HTTP calls need to do as they did before, without holding the event loop."""


def without_none(headers):
    """Headers as requests sends them: those that are None left out."""
    return {name: value for name, value in (headers or {}).items() if value is not None}
