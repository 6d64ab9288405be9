"""What HTTP calls need to do as they did before, without holding the event loop."""

import base64


def basic_auth(user, password):
    """The header that requests sends for ``auth=(user, password)``."""
    credentials = base64.b64encode(f"{user}:{password}".encode("latin-1")).decode()
    return {"Authorization": f"Basic {credentials}"}
