# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that makes the connections of a run: it has loaded the SDK, and forks for each of them.

To load the SDK takes several times as long as all that it is needed for. The process ends with the run, and deletes
what must not outlive it also where ansible-playbook was killed and could not.

Usage: fork_server.py SOCKET SETTINGS. The first is the number of an open file, a socket that listens: each connection
to it brings a name of settings, a working folder, and the file descriptor of a socket to an ssh, and gets an exit
status. The second is the first of those settings.
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
# What sends nothing must not keep the others waiting.
_RECEIVE_SECONDS = 5
# How often it is looked whether the run has ended, where the system does not tell, and who else has.
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
                # Else whoever asks when the server has ended would wait for it.
                listener.close()
                # Without the clean-up of Python, which takes longer than the connection and has nothing to clean up.
                os._exit(_serve(connection, settings, settings_file, ssh))
            ssh.close()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _receive(connection: socket.socket) -> tuple[str, Any, str, socket.socket] | None:
    """Return a name of settings and what they are, a working folder, and the socket to an ssh.

    None for what was not sent by us.
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
    """Yield what connects until the run has ended: its process, or the folder of what must not outlive it."""
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
        # There is none, or one of somebody else has got its number.
        return False
    return True


def _bury() -> None:
    """Collect the processes that were forked and have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _prepare(settings: Any) -> None:
    """Do here what a connection has in common with those that come after it."""
    # What goes wrong goes wrong again where it is told.
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
