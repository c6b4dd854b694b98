# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs as its ProxyCommand: it asks the broker of the run for a connection to an instance.

ssh runs it once for each connection. With ProxyUseFdpass ssh receives the connected socket itself, so this program can
end. ssh_config(5) describes both options. server.py describes what is asked and answered.

It starts often, so it imports as little as possible.

Usage: proxy_command.py SETTINGS NAME. SETTINGS is a file that the connection plugin has written in the folder of the
run, and NAME is the name of the broker's socket there.
"""

from __future__ import annotations

import os
import sys

try:
    # The public module takes 6 ms more to import, as long as Python takes to start.
    from _socket import AF_UNIX, SCM_RIGHTS, SHUT_RDWR, SOL_SOCKET, socket
except ImportError:
    from socket import AF_UNIX, SCM_RIGHTS, SHUT_RDWR, SOL_SOCKET, socket  # type: ignore[assignment]

# mypy takes it for that of typing, which takes as long to import as Python to start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BROKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "broker.py")
# Clients that may connect before the broker accepts the first: a few for each fork of Ansible.
_BACKLOG = 1024
_OF_AWS = (b"AWS_", b"EC2_")
_TRIES = 5
# The broker says more often than this that it is still there.
_SILENT_SECONDS = 30


def main() -> int:
    """Have the connection made. Returns the exit status."""
    settings_file, name = sys.argv[1:]

    def for_a_start() -> tuple[str, Sequence[str]]:
        import json  # noqa: PLC0415 - once in a run

        with open(settings_file, encoding="utf-8") as file:
            settings = json.load(file)
        return str(settings["controller"]), settings["collection_paths"]

    try:
        return int(hand_over(settings_file, os.getcwd(), name, for_a_start)[:1])
    except (OSError, ValueError) as error:
        # The plugin meets the same error, and says more. ssh discards this, unless it prints what it does.
        sys.stderr.write(f"The broker of the run cannot be reached: {error}.\n")
    let_ssh_go()
    return 1


def let_ssh_go() -> None:
    """End the wait of ssh for a connection, although a broker that hangs may hold the other end of its socket."""
    try:  # noqa: SIM105 - contextlib takes too long to import
        socket(fileno=os.dup(sys.stdout.fileno())).shutdown(SHUT_RDWR)
    except OSError:
        # There is no ssh behind it any more.
        pass


def hand_over(
    settings_file: str,
    here: str,
    name: str,
    for_a_start: Callable[[], tuple[str, Sequence[str]]],
    held: Sequence[int] = (),
) -> bytes:
    """Have the broker hand a connection to ssh, which is behind the standard output.

    settings_file: in the folder of the broker. The others are those of ``start``.
    Returns the answer to ``open`` (server.py) without its signs of life. Raises OSError.
    """
    for _time in range(_TRIES):
        answer = _ask(settings_file, here, name, for_a_start, held)
        # A broker that is about to end takes requests for a moment, and answers none.
        if answer:
            return answer
    raise ConnectionResetError("it ends before it answers")


def _ask(
    settings_file: str,
    here: str,
    name: str,
    for_a_start: Callable[[], tuple[str, Sequence[str]]],
    held: Sequence[int],
) -> bytes:
    """Ask once. Returns nothing if the broker has ended."""
    broker, answer = socket(AF_UNIX), b""
    try:
        # The path of a socket may be no longer than about a hundred bytes.
        os.chdir(os.path.dirname(settings_file))
        try:
            broker.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            start(broker, here, name, for_a_start, held)
        broker.settimeout(_SILENT_SECONDS)
        handed_on = [(SOL_SOCKET, SCM_RIGHTS, sys.stdout.fileno().to_bytes(4, sys.byteorder))]
        broker.sendmsg([b"open\0" + os.fsencode(settings_file) + b"\0"], handed_on)
        while received := broker.recv(65_536):
            # A sentence may come in parts, and one of them may begin with a period.
            answer += received if answer else received.lstrip(b".")
    except (BrokenPipeError, ConnectionResetError):
        # A broker that ends has answered before it, or not at all.
        pass
    finally:
        broker.close()
    return answer


def start(
    broker: socket,
    here: str,
    name: str,
    for_a_start: Callable[[], tuple[str, Sequence[str]]],
    held: Sequence[int] = (),
) -> None:
    """Start the broker of a run, unless somebody has just done so, and connect a socket to it. Raises OSError.

    The folder of the run is the working folder, and ``name`` that of the broker's socket in it. here: the working
    folder of the broker. for_a_start: returns what ends the broker, as broker.py takes it, and the paths in which
    ansible-core looks for collections. held: file descriptors that the broker keeps open.
    """
    import fcntl  # noqa: PLC0415 - once in a run
    import subprocess  # noqa: PLC0415

    with open(f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            broker.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            life, collection_paths = for_a_start()
            if os.path.exists(name):
                os.unlink(name)
            listener = socket(AF_UNIX)
            # Its clients wait in the backlog.
            try:
                listener.bind(name)
                os.chmod(name, 0o600)
                listener.listen(_BACKLOG)
                number = listener.fileno()
                # -P: no file beside the program may take the place of a module.
                command = [sys.executable, "-P", _BROKER, str(number), os.getcwd(), life, *collection_paths]
                # The environment that a process is started with can be read as long as it runs.
                secret = [variable for variable in os.environb if variable.startswith(_OF_AWS)]
                process = subprocess.Popen(
                    command,
                    env={variable: value for variable, value in os.environb.items() if variable not in secret},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=here,
                    pass_fds=[number, *held],
                    # A Ctrl-C is for ansible-playbook, whose end ends the broker.
                    start_new_session=True,
                )
                if process.stdin:
                    with process.stdin:
                        # An empty variable ends them: this process may be killed before it has written all.
                        process.stdin.write(b"".join(b"%s=%s\0" % (each, os.environb[each]) for each in secret) + b"\0")
            finally:
                listener.close()
            broker.connect(name)


if __name__ == "__main__":
    sys.exit(main())
