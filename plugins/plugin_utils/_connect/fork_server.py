# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that makes the connections of a run: it loads the SDK once, and forks for each connection.

Loading the SDK takes several times as long as using it. The process ends with the run, and deletes the folder of the
run, even if ansible-playbook was killed.

Usage: fork_server.py SOCKET SETTINGS. SOCKET is the file descriptor of a listening socket. A client sends the path of
its settings file, its working folder, and the file descriptor of a socket to its ssh, and receives an exit status.
SETTINGS is the settings file of the first client.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

_MESSAGE_BYTES = 65_536
# A client that sends nothing must not block the others.
_RECEIVE_SECONDS = 5
# Poll interval for the end of the run, and for finished children.
_LOOK_SECONDS = 1.0


def main() -> int:
    """Serve until the run has ended. Returns the exit status."""
    listener, first_file = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    first, folder = _read(first_file), os.path.dirname(first_file)
    _find_collections(first["collection_paths"])
    for connection in _connections(listener, first["controller"], folder):
        with connection:
            asked = _receive(connection)
            if not asked:
                continue
            settings_file, settings, working_folder, ssh = asked
            # The environment may name files by paths that begin there.
            os.chdir(working_folder)
            _prepare(settings)
            if not os.fork():
                # If the child kept it open, a client would wait for a server that has ended.
                listener.close()
                # Without the clean-up of Python, which takes longer than the connection and has nothing to clean up.
                os._exit(_serve(connection, settings, settings_file, ssh))
            ssh.close()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _receive(connection: socket.socket) -> tuple[str, Any, str, socket.socket] | None:
    """Return the path of a settings file, the settings, a working folder, and the socket to an ssh.

    Return None for a message that is not from proxy_command.py.
    """
    connection.settimeout(_RECEIVE_SECONDS)
    received: list[int] = []
    try:
        message, received, _flags, _address = socket.recv_fds(connection, _MESSAGE_BYTES, 1)
        settings_file, working_folder = os.fsdecode(message).split("\0")
        (ssh,) = received
        return settings_file, _read(settings_file), working_folder, socket.socket(fileno=ssh)
    except (OSError, ValueError):
        for descriptor in received:
            os.close(descriptor)
        return None


def _read(settings_file: str) -> Any:
    with open(settings_file, encoding="utf-8") as file:
        return json.load(file)


def _find_collections(paths: list[str]) -> None:
    """Let collections be found where ansible-core finds them. Its own importer takes as long as a connection."""
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in paths]
    sys.modules["ansible_collections"] = package


def _connections(listener: socket.socket, controller: int, folder: str) -> Iterator[socket.socket]:
    """Yield each client until the run has ended: its process is gone, or its folder."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        # Linux tells at once.
        with contextlib.suppress(AttributeError, OSError):
            selector.register(os.pidfd_open(controller), selectors.EVENT_READ)
        while os.path.isdir(folder) and _is_alive(controller):
            for key, _events in selector.select(_LOOK_SECONDS):
                if key.fileobj is not listener:
                    return
                yield listener.accept()[0]
            _bury()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        # There is none, or a process of another user has its number now.
        return False
    return True


def _bury() -> None:
    """Collect the processes that were forked and have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _prepare(settings: Any) -> None:
    """Prepare in this process what later connections need too."""
    # The child meets the same error, and reports it.
    with contextlib.suppress(Exception):
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import opening  # noqa: PLC0415 - see _find_collections

        opening.prepare(settings)


def _serve(connection: socket.socket, settings: Any, settings_file: str, ssh: socket.socket) -> int:
    """Make a connection for ssh. Returns the exit status, when nothing is left to do for that connection."""
    status, carry = _open(settings, settings_file, ssh)
    ssh.close()
    with connection:
        connection.sendall(bytes([status]))
    carry()
    return status


def _open(settings: Any, settings_file: str, ssh: socket.socket) -> tuple[int, Callable[[], None]]:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain  # noqa: PLC0415 - see _find_collections

    try:
        # Here, so that it is told when it cannot be imported.
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import opening  # noqa: PLC0415 - see _find_collections

        return opening.main(settings, settings_file, ssh)
    except Exception as error:  # noqa: BLE001 - nobody sees the standard error of this process
        explain.tell(settings_file, explain.Step.SET_UP, f"{type(error).__name__}: {error}.")
        return 1, lambda: None


if __name__ == "__main__":
    sys.exit(main())
