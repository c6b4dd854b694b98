# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to an address, made as ssh itself would make it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import WayIsOpenError

# Characters of a host name (RFC 1035).
_LONGEST_NAME = 253
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def connect(
    address: str, port: int, configuration: Mapping[str, str], deadline: float, *, awaits_sshd: bool = False
) -> socket.socket:
    """Connect as ssh itself would, with its AddressFamily, BindAddress and TCPKeepAlive. Raises ArgumentError.

    deadline: on the monotonic clock. awaits_sshd: whether it is an error if sshd sends nothing.
    The error is WayIsOpenError if the host is there, and refuses.
    """
    family = _FAMILIES.get(configuration.get("addressfamily", "any"), socket.AF_UNSPEC)
    where = f"{printable(address):.{_LONGEST_NAME}} port {port}"
    failed: OSError | None = None
    try:
        found = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)
    except OSError as error:
        found, failed = [], error
    except UnicodeError as error:
        # For example, a label is empty or too long (RFC 1035).
        raise ArgumentError(f"{where}: This is no address.") from error
    for kind in found:
        connection = None
        try:
            # Fails for an address family that the system lacks.
            connection = socket.socket(*kind[:3])
            if "bindaddress" in configuration:
                connection.bind((configuration["bindaddress"], 0))
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.connect(kind[4])
        except OSError as error:
            if connection:
                connection.close()
            # A host that refuses is there, whatever its other addresses do.
            if not isinstance(failed, ConnectionRefusedError):
                failed = error
            continue
        connection.settimeout(None)
        keepalive = configuration.get("tcpkeepalive", "yes") == "yes"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keepalive)
        if awaits_sshd:
            _await_sshd(connection, where, deadline)
        return connection
    sentence = f"{where}: {(failed.strerror if failed else None) or failed}."
    raise (WayIsOpenError if isinstance(failed, ConnectionRefusedError) else ArgumentError)(sentence)


def _await_sshd(connection: socket.socket, where: str, deadline: float) -> None:
    """Return when sshd has sent something, which ssh will read. Raises ArgumentError if it does not."""
    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    try:
        is_open = bool(connection.recv(1, socket.MSG_PEEK))
        why = "it closed this one before an sshd answered."
    except TimeoutError:
        is_open, why = False, "no sshd has answered in time (ansible_timeout)."
    except OSError as error:
        is_open, why = False, f"no sshd has answered: {error.strerror}."
    if not is_open:
        connection.close()
        raise ArgumentError(f"{where}: Something accepts connections there, and {why}")
    connection.settimeout(None)
