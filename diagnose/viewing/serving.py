"""The server of `diagnose view`: runs on this machine until Ctrl-C."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from diagnose.errors import InputError

HOST = "127.0.0.1"
PORT = 8765  # default; if it is in use, the next free one of PORTS
PORTS = range(PORT, PORT + 20)
THREADS = 4
CONNECTIONS = 1_000  # at the same time, if the system allows as many; a browser opens six
IDLE = 10  # seconds after which a connection without a whole request is closed
HANDLES = 64  # file handles that are kept for everything else


def serve(folder: Path, port: int | None, ready: Callable[[str], None]) -> None:
    """Serve the results in `folder` until interrupted; `ready` is called with the address.

    Raises:
        InputError: the folder does not exist, or the port is in use.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"DIR must be a folder of results, but {folder} {what}")
    listener = _listener(port)
    try:
        from waitress import create_server

        from diagnose.viewing.pages import application

        server = create_server(
            application(folder),
            sockets=[listener],
            threads=THREADS,
            ident=None,
            connection_limit=_connections(),
            channel_timeout=IDLE,
            cleanup_interval=1,
            asyncore_use_poll=True,  # `select` fails above 1,024 handles
        )
        logging.getLogger("waitress").setLevel(logging.ERROR)  # else a line for each request that has to wait
        ready(f"http://{HOST}:{listener.getsockname()[1]}/")
        server.run()  # ends by itself on Ctrl-C
    finally:
        listener.close()


def _connections() -> int:
    """How many connections may be open, within the limit of file handles."""
    try:
        import resource
    except ImportError:  # Windows
        return CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = CONNECTIONS if soft == resource.RLIM_INFINITY else soft - HANDLES
    return max(8, min(CONNECTIONS, allowed))


def _listener(port: int | None) -> socket.socket:
    """A socket listening on the loopback address. `port`: 0 for any free port, None for the first free of `PORTS`."""
    for candidate in PORTS if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows this option would allow two servers on one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen(CONNECTIONS)
        except OSError:
            listener.close()
            continue
        return listener
    if port is None:
        raise InputError(f"ports {PORTS[0]} to {PORTS[-1]} are all in use; pass a free one with --port")
    raise InputError(f"port {port} cannot be used; pass another with --port, or omit --port")
