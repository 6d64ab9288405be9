"""What HTTP calls need to do as they did before, without holding the event loop."""

import asyncio
import contextlib

import aiohttp

_SESSIONS = {}  # event loop: its client session, and what closes it at the loop's end


def http_session():
    """The event loop's one client session, made on first use. It keeps no cookies."""
    loop = asyncio.get_running_loop()
    if loop not in _SESSIONS:
        session = aiohttp.ClientSession(trust_env=True, cookie_jar=aiohttp.DummyCookieJar())
        _SESSIONS[loop] = session, _open_until_end(session, loop)
        loop.create_task(_SESSIONS[loop][1].__anext__())
    return _SESSIONS[loop][0]


async def _open_until_end(session, loop):
    try:
        async with session:
            yield
    finally:
        del _SESSIONS[loop]


with contextlib.suppress(ImportError):  # old action servers have no such hook
    import pluggy
    from rasa_sdk.plugin import plugin_manager

    class _ServerEnd:
        @pluggy.HookimplMarker("rasa_sdk")
        def attach_sanic_app_extensions(self, app):
            close = lambda app, loop: _SESSIONS[loop][1].aclose() if loop in _SESSIONS else None
            app.register_listener(close, "after_server_stop")

    plugin_manager().register(_ServerEnd())
