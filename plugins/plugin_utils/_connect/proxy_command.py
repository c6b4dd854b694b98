# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs as its ProxyCommand: it asks fork_server.py for a connection to an instance.

ssh runs it once for each connection. With ProxyUseFdpass ssh receives the connected socket itself, so this program can
end. ssh_config(5) describes both options.

The first proxy_command.py of a run starts fork_server.py, and all others share it. This program starts often, so it
imports as little as possible.

Usage: proxy_command.py SETTINGS. The connection plugin has written that file, in a folder of the run.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys

_SOCKET = "server"
_SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fork_server.py")
# Clients that may connect before the server accepts the first: one for each fork of Ansible.
_BACKLOG = 128
# Longer than all retries of a throttled push.
_ANSWER_SECONDS = 300


def main() -> int:
    """Have the connection made. Returns the exit status."""
    settings_file = sys.argv[1]
    try:
        # A server that was killed may still take connections for a moment, and answers none. The next one does.
        status = _ask(settings_file) or _ask(settings_file)
        why = "it has ended"
    except OSError as error:
        status, why = b"", str(error)
    if not status:
        _tell(settings_file, f"The process that makes the connections of this run cannot be reached: {why}.")
        return 1
    return status[0]


def _ask(settings_file: str) -> bytes:
    """Have the server hand a connection to ssh, which is behind the standard output.

    Returns one byte, the exit status; nothing where the server has ended. Raises OSError.
    """
    here = os.getcwd()
    # The path of a socket may be no longer than about a hundred bytes.
    os.chdir(os.path.dirname(settings_file))
    try:
        with _connect(settings_file, here) as server:
            server.settimeout(_ANSWER_SECONDS)
            socket.send_fds(server, [os.fsencode(f"{settings_file}\0{here}")], [sys.stdout.fileno()])
            return server.recv(1)
    except (BrokenPipeError, ConnectionResetError):
        return b""
    finally:
        os.chdir(here)


def _tell(settings_file: str, sentence: str) -> None:
    """Record the failure as explain.py does. Importing explain.py would take too long."""
    import json  # noqa: PLC0415 - once in a while

    with open(f"{settings_file}.told", "w", encoding="utf-8") as file:
        json.dump({"step": "SET_UP", "sentence": sentence}, file)


def _connect(settings_file: str, here: str) -> socket.socket:
    """Return a connection to the server of this run, which is started if there is none."""
    server = socket.socket(socket.AF_UNIX)
    with open(f"{_SOCKET}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            server.connect(_SOCKET)
        except (FileNotFoundError, ConnectionRefusedError):
            _start(settings_file, here)
            server.connect(_SOCKET)
    return server


def _start(settings_file: str, here: str) -> None:
    """Start a server. Clients that connect before it is ready wait in the backlog."""
    import subprocess  # noqa: PLC0415 - once in a run

    if os.path.exists(_SOCKET):
        os.unlink(_SOCKET)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(_SOCKET)
        listener.listen(_BACKLOG)
        # -P: no file beside the program may take the place of a module.
        subprocess.Popen(
            [sys.executable, "-P", _SERVER, str(listener.fileno()), settings_file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=here,
            pass_fds=[listener.fileno()],
            # A Ctrl-C is for ansible-playbook, whose end ends the server.
            start_new_session=True,
        )


if __name__ == "__main__":
    sys.exit(main())
