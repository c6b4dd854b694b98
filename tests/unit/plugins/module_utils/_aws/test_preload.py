# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What clients share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import Preloaded, preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import ScriptedService, client
from botocore.exceptions import DataNotFoundError


def test_clients_share_what_was_preloaded(service: ScriptedService) -> None:
    """Descriptions that were read before are those of a client, and nothing of it stays in the next one."""
    preloaded = preload()
    assert preloaded
    searched = list(preloaded.loader.search_paths)
    shared = client(service, TRANSFER, preloaded)
    alone = Session(service.params()).client(TRANSFER)

    described = preloaded.loader.load_service_model(TRANSFER, "service-2")["metadata"]
    assert shared.meta.service_model.metadata is described
    assert alone.meta.service_model.metadata is not described
    assert alone.meta.service_model.metadata == described
    assert list(preloaded.loader.search_paths) == searched


def test_descriptions_of_the_users_own_count(
    service: ScriptedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a user has configured a folder for them, a client looks there."""
    preloaded = preload()
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert preloaded
    described = preloaded.loader.load_service_model(TRANSFER, "service-2")["metadata"]
    assert client(service, TRANSFER, preloaded).meta.service_model.metadata is not described


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload.HAS_SDK", False)
    assert preload() is None


def test_only_what_is_asked_for_is_read() -> None:
    """The broker pushes keys, and has no client of Transfer Family."""
    preloaded = preload([INSTANCE_CONNECT])
    assert preloaded
    read = {name for name in (INSTANCE_CONNECT, TRANSFER) if _has_read(preloaded, name)}
    assert read == {INSTANCE_CONNECT}


def _has_read(preloaded: Preloaded, name: str) -> bool:
    """Return whether the description of a service comes from memory."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(preloaded.loader.file_loader, "load_file", lambda _path: None)
        try:
            preloaded.loader.load_service_model(name, "service-2")
        except DataNotFoundError:
            return False
    return True


@pytest.mark.parametrize("name", [INSTANCE_CONNECT, TRANSFER])
def test_a_client_of_preloaded_data_reads_no_description(
    service: ScriptedService, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preloaded = preload()
    assert preloaded
    read: list[str] = []
    load = preloaded.loader.file_loader.load_file

    def load_file(path: str) -> Any:
        found = load(path)
        if found is not None:
            read.append(path)
        return found

    monkeypatch.setattr(preloaded.loader.file_loader, "load_file", load_file)
    client(service, name, preloaded)
    assert read == []
