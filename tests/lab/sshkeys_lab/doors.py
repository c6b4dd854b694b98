# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doors: a real sshd for each instance and for each Transfer user.

The keeper starts an sshd for each connection (`sshd -i`). The sockets already listen in the lab, so no port can be
taken and every door answers at once. Each sshd logs in only the user that runs the lab: no account is created.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from . import keeper
from .errors import LabError
from .files import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_SFTP_PROGRAM = "sshkeys_lab.sftp_session"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
# About as long as the script on a real instance.
_COMMAND_SECONDS = 5

_PrivateKey = Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_GENERATE: dict[str, Callable[[], _PrivateKey]] = {
    "ssh-ed25519": Ed25519PrivateKey.generate,
    "ssh-rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@dataclass(frozen=True)
class Door:
    """A port on 127.0.0.1, the socket that listens there, the sshd to run for each connection, and its config file."""

    port: int
    listener: socket.socket
    command: list[str]
    config: Path


@dataclass(frozen=True)
class HostKey:
    """A host key: the file of the private half, and the public line without a comment."""

    path: Path
    public_line: str


def login_user() -> str:
    """Return the name of the user that runs the lab, the only login that its sshds accept."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        msg = f"The lab needs {name}: install the Debian package {package}."
        raise LabError(msg)
    return found


def check_machine() -> None:
    """Raise LabError if a requirement is missing on this machine; as root, also make the folder that sshd needs."""
    _tool("sshd", "openssh-server")
    _tool("curl", "curl")
    if os.geteuid() != 0:
        return
    if not _PRIVILEGE_SEPARATION.exists():
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755)
    name = login_user()
    for line in Path("/etc/shadow").read_text("utf-8").splitlines():
        if line.startswith(f"{name}:!"):
            msg = f"The account {name} is locked, and sshd without PAM refuses it: use `usermod -p '*' {name}`."
            raise LabError(msg)


def can_give_terminals() -> bool:
    """Return whether sshd can give a session a terminal.

    It ends the session unless the terminal has the group tty. In some containers it has another one, and only root may
    change that.
    """
    if os.geteuid() == 0:
        return True
    leader, terminal = os.openpty()
    try:
        return grp.getgrgid(os.fstat(terminal).st_gid).gr_name == "tty"
    except KeyError:
        return False
    finally:
        os.close(leader)
        os.close(terminal)


def make_host_key(path: Path, key_type: str = "ssh-ed25519") -> HostKey:
    """Make a new host key at `path`."""
    key = _GENERATE[key_type]()
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
    return HostKey(path, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


def open_door(name: str, host_keys: Sequence[HostKey], keys_url: str, lines: Iterable[str]) -> Door:
    """Open a door whose sshd shows `host_keys` and accepts the public keys at `keys_url` (`%u` is the login user).

    lines: of its configuration, which say what a session is: see `shell` and `sftp_program`. Config and log are beside
    the host keys, as `name`.conf and `name`.log.
    """
    curl = f"{_tool('curl', 'curl')} -q -s -f -g --max-time {_COMMAND_SECONDS} {keys_url}"
    config_lines = [
        *map(_host_key_line, host_keys),
        "PidFile none",
        "UsePAM no",
        "AuthorizedKeysFile none",
        f"AuthorizedKeysCommand {curl}",
        f"AuthorizedKeysCommandUser {'nobody' if os.geteuid() == 0 else login_user()}",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        f"AllowUsers {login_user()}",
        "AllowAgentForwarding no",
        "X11Forwarding no",
        "PrintMotd no",
        "PrintLastLog no",
        "UseDNS no",
        "LogLevel VERBOSE",
        *lines,
    ]
    folder = host_keys[0].path.parent
    config = folder / f"{name}.conf"
    write_private(config, "\n".join(config_lines) + "\n")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    log = folder / f"{name}.log"
    command = [_tool("sshd", "openssh-server"), "-i", "-f", str(config), "-E", str(log)]
    return Door(listener.getsockname()[1], listener, command, config)


def show_host_keys(door: Door, host_keys: Sequence[HostKey]) -> None:
    """Let the sshd of `door` show `host_keys` to whoever connects from now on."""
    lines = [line for line in door.config.read_text("utf-8").splitlines() if not line.startswith("HostKey ")]
    text = "\n".join([*map(_host_key_line, host_keys), *lines]) + "\n"
    # At once: an sshd that starts meanwhile reads one or the other.
    written = door.config.with_suffix(".new")
    write_private(written, text)
    written.replace(door.config)


def _host_key_line(host_key: HostKey) -> str:
    return f'HostKey "{host_key.path}"'


def shell(home: Path) -> list[str]:
    """Return the lines for a shell with `home` as HOME and `home`/tmp for temporary files.

    So the login user's own files stay out of it, and what a session leaves stays out of /tmp.
    """
    temporary = home / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    # In one line: sshd ignores a second one.
    return ["Subsystem sftp internal-sftp", f'SetEnv "HOME={home}" "TMPDIR={temporary}"']


def sftp_program(home: Path, *arguments: str) -> list[str]:
    """Return the lines for a session with `sftp_session` alone, which gets the arguments.

    home: a folder without files of a shell, which runs the command.
    """
    command = shlex.join([sys.executable, "-P", "-s", "-m", _SFTP_PROGRAM, *arguments])
    return [
        "Subsystem sftp internal-sftp",
        # In one line: sshd ignores a second one.
        f'SetEnv "HOME={home}" "PYTHONPATH={Path(__file__).resolve().parents[1]}"',
        f"ForceCommand exec {command}",
        "DisableForwarding yes",
        "PermitTTY no",
    ]


class Keeping:
    """The lab's handle on the process that keeps its doors."""

    def __init__(self, opened: Iterable[Door], lock: int) -> None:
        """Start a keeper for the doors; it holds the file descriptor `lock` until it ends."""
        doors = list(opened)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__],
            stdin=subprocess.PIPE,
            pass_fds=[lock, *(door.listener.fileno() for door in doors)],
            text=True,
            # Keep a terminal's Ctrl-C from the keeper: the lab receives it and ends the keeper.
            start_new_session=True,
        )
        self._tell(json.dumps([{"fd": door.listener.fileno(), "command": door.command} for door in doors]))
        for door in doors:
            door.listener.close()

    def _tell(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is None:
            msg = "The keeper has no standard input."
            raise LabError(msg)
        pipe.write(f"{line}\n")
        pipe.flush()

    def end_sessions(self) -> None:
        """Kill the sshd of every open session, as a reboot does. New sessions are accepted."""
        self._tell("end")

    def stop(self) -> None:
        """End the keeper, its sshds and their sessions, and wait for their end."""
        self._process.communicate()
