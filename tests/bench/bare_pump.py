# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that carries ssh through a tunnel: a ProxyCommand of a websocket, standard input and standard output.

Usage: bare_pump.py URL CERTIFICATE.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading

from websockets.sync.client import ClientConnection, connect


def send(tunnel: ClientConnection) -> None:
    """Carry what ssh says into the tunnel."""
    while data := os.read(0, 65_000):
        tunnel.send(data)
    tunnel.close()


def main() -> None:
    """Pump until the tunnel ends."""
    _program, url, certificate = sys.argv
    trust = ssl.create_default_context(cafile=certificate)
    with connect(url, ssl=trust, compression=None, max_size=None, ping_interval=None) as tunnel:
        threading.Thread(target=send, args=(tunnel,), daemon=True).start()
        for message in tunnel:
            left = memoryview(message if isinstance(message, bytes) else message.encode())
            while left:
                left = left[os.write(1, left) :]


if __name__ == "__main__":
    main()
