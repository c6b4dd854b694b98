# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service of endpoint.py as a process of its own, for the benchmark and for tests that count."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENDPOINT = Path(__file__).with_name("endpoint.py")


@dataclass(frozen=True)
class Service:
    """A service that runs: its address, and the file with the certificate to trust, if it speaks TLS."""

    address: str
    certificate: str = ""

    def counts(self) -> dict[str, int]:
        """Return what it has seen since this was asked for, this question aside: connections, taken, throttled."""
        context = ssl.create_default_context(cafile=self.certificate) if self.certificate else None
        with urllib.request.urlopen(f"{self.address}/counts", context=context) as answer:
            seen: dict[str, int] = json.load(answer)
        return {**seen, "connections": seen["connections"] - 1}


@contextmanager
def running(*options: str, trust: str = "") -> Iterator[Service]:
    """Run a service with options of its command line.

    trust: the file with the certificate to trust, where the options have it speak TLS.
    """
    command = [sys.executable, str(ENDPOINT), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield Service(f"{'https' if trust else 'http'}://127.0.0.1:{port}", trust)
        finally:
            # It ends with its standard input, and it is waited for after that.
            process.stdin.close()
