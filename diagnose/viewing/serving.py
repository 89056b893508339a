"""The server behind `diagnose view`: one address on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from diagnose.errors import InputError

HOST = "127.0.0.1"
PORT = 8765  # where one is not asked for; the next free one of PORTS
PORTS = range(PORT, PORT + 20)
THREADS = 4


def serve(folder: Path, port: int | None, ready: Callable[[str], None]) -> None:
    """Serve the results in `folder` until interrupted; `ready` is told the address.

    Raises:
        InputError: there is no such folder, or the port is taken.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}: pass a folder of results, as `diagnose MODEL DATA` writes it")
    listener = _listener(port)
    try:
        from waitress import create_server

        from diagnose.viewing.pages import application

        server = create_server(application(folder), sockets=[listener], threads=THREADS, ident=None)
        ready(f"http://{HOST}:{listener.getsockname()[1]}/")
        server.run()  # ends by itself on Ctrl-C
    finally:
        listener.close()


def _listener(port: int | None) -> socket.socket:
    """A socket that listens on the loopback address; 0 is any free port."""
    for candidate in PORTS if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen()
        except OSError:
            listener.close()
            continue
        return listener
    if port is None:
        raise InputError(f"the ports {PORTS[0]} to {PORTS[-1]} are all in use: pass a free one with --port")
    raise InputError(f"port {port} cannot be used: pass another with --port, or none for the next free one")
