"""HTTP calls over aiohttp, so that they don't hold the event loop."""

import asyncio
import contextlib

from .over_aiohttp import _new_session

_SESSIONS = {}  # event loop: the generator that holds its session, and the session


async def _open_session(loop):
    """Yield a client session. The end of the loop closes it, as it closes all asynchronous generators."""
    try:
        async with _new_session() as session:
            yield session
    finally:
        del _SESSIONS[loop]


@contextlib.asynccontextmanager
async def _shared_session():
    """The event loop's one client session, made on first use."""
    loop = asyncio.get_running_loop()
    if loop not in _SESSIONS:
        opened = _open_session(loop)
        _SESSIONS[loop] = opened, await opened.__anext__()
    await asyncio.sleep(0)  # lets the loop see which connections the other side has closed
    yield _SESSIONS[loop][1]


async def _close_session(app, loop):
    if loop in _SESSIONS:
        await _SESSIONS[loop][0].aclose()


def _close_with_server():
    """Have the action server close its loop's session when it stops; old ones have no such hook."""
    try:
        import pluggy
        from rasa_sdk.plugin import plugin_manager
    except ImportError:
        return

    class ServerEnd:
        @pluggy.HookimplMarker("rasa_sdk")
        def attach_sanic_app_extensions(self, app):
            app.register_listener(_close_session, "after_server_stop")

    plugin_manager().register(ServerEnd())


_close_with_server()
