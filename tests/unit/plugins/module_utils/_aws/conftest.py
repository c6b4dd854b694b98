# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import ScriptedService


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """Return a service that listens, and close it after the test."""
    service = ScriptedService()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let botocore wait in no time, and return for how long it would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Keep the AWS configuration of the user who runs the tests out of them."""
    for name in [name for name in os.environ if re.match(r"AWS_|BOTO", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
