# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CA bundle is read once, and what is trusted is what a task says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect, ssl_context
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, SetUpError
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    KEY,
    PUSHED,
    TARGET,
    ScriptedService,
    client,
    push,
)
from botocore import httpsession


def test_the_ca_bundle_is_read_once(service: ScriptedService, delays: list[float], tmp_path: Path) -> None:
    """However many connections there are: each push makes one here, and reading is most of what a connection costs."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    bundle = tmp_path / "certificate.pem"
    service.script = [PUSHED]
    made = client(service, INSTANCE_CONNECT, aws_ca_bundle=str(bundle))
    instance_connect.push(made, TARGET, KEY)
    bundle.unlink()
    assert instance_connect.push(made, TARGET, KEY).request_id == "request-1"


@pytest.fixture
def trusted_bundle(service: ScriptedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the service speak TLS, and the environment name the bundle to trust."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    bundle = tmp_path / "certificate.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    return bundle


def test_clients_can_share_the_ca_bundle(
    service: ScriptedService, delays: list[float], trusted_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that was read before is read by no client, and the options of a task decide whether it is used."""
    preloaded = preload()
    assert preloaded
    assert preloaded.bundle
    used = []
    monkeypatch.setattr(preloaded.bundle.context, "load_verify_locations", lambda *given: used.append(given))
    assert push(service, [PUSHED], preloaded, aws_ca_bundle=str(trusted_bundle)).request_id == "request-1"
    assert len(used) == 1
    assert push(service, [PUSHED], preloaded, validate_certs=False).request_id == "request-1"
    with pytest.raises(ServiceError, match="Check aws_ca_bundle"):
        push(service, [PUSHED], preloaded)
    assert push(service, [PUSHED], aws_ca_bundle=str(trusted_bundle)).request_id == "request-1"
    assert len(used) == 1


def context_of(client: Any) -> Any:
    """Return the SSL context of the connections of a client."""
    return client._endpoint.http_session._manager.connection_pool_kw["ssl_context"]


def test_a_client_with_a_certificate_of_its_own_shares_nothing(service: ScriptedService, trusted_bundle: Path) -> None:
    """The others would show its certificate too."""
    preloaded = preload()
    assert preloaded
    assert preloaded.bundle
    trust = {"aws_ca_bundle": str(trusted_bundle)}
    own = {"client_cert": str(trusted_bundle)}
    assert context_of(client(service, INSTANCE_CONNECT, preloaded, **trust)) is preloaded.bundle.context
    made = client(service, INSTANCE_CONNECT, preloaded, **trust, aws_config=own)
    assert context_of(made) is not preloaded.bundle.context


def test_clients_share_the_default_bundle_of_the_sdk(service: ScriptedService, tmp_path: Path) -> None:
    service.speak_tls(certificate_of_its_own(tmp_path))
    preloaded = preload()
    assert preloaded
    assert preloaded.bundle
    assert preloaded.bundle.path == httpsession.get_cert_path(True)
    assert context_of(client(service, INSTANCE_CONNECT, preloaded)) is preloaded.bundle.context
    unchecked = client(service, INSTANCE_CONNECT, preloaded, validate_certs=False)
    assert context_of(unchecked) is not preloaded.bundle.context


def test_a_ca_bundle_that_has_changed_is_read_again(
    service: ScriptedService, delays: list[float], trusted_bundle: Path
) -> None:
    """What is trusted is what is in the file when a task runs."""
    preloaded = preload()
    trusted_bundle.write_text("")
    with pytest.raises(ServiceError):
        push(service, [PUSHED], preloaded, aws_ca_bundle=str(trusted_bundle))
    trusted_bundle.unlink()
    with pytest.raises((ServiceError, SetUpError)):
        push(service, [PUSHED], preloaded, aws_ca_bundle=str(trusted_bundle))


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_bundle_that_cannot_be_read_is_none(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client reads it itself then, and says what is wrong with it."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    assert ssl_context.read_bundle() is None


def test_the_bundle_of_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate_of_its_own(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    found = ssl_context.read_bundle()
    assert found
    assert found.path == str(tmp_path / "certificate.pem")
    assert found.context.cert_store_stats()["x509"] == 1


def test_a_client_without_what_is_shared_is_left_alone() -> None:
    """Another botocore may keep it elsewhere; then each connection has a context of its own."""
    ssl_context.share(object(), None)


def test_once_is_once_for_each_set_of_arguments() -> None:
    called: list[object] = []
    once = ssl_context._once(lambda *arguments, **named: called.append((arguments, named)))
    for _time in range(2):
        once("a")
        once("a", capath="b")
        once("b")
    assert called == [(("a",), {}), (("a",), {"capath": "b"}), (("b",), {})]


def test_a_connection_waits_for_the_bundle_that_another_one_reads() -> None:
    """It would find nothing to trust."""
    begins, may_end = threading.Event(), threading.Event()
    calls: list[str] = []

    def load(path: str) -> None:
        calls.append(path)
        begins.set()
        may_end.wait(30)

    once = ssl_context._once(load)
    first, second = (threading.Thread(target=once, args=("a",)) for _number in range(2))
    first.start()
    assert begins.wait(30)
    second.start()
    second.join(0.05)
    assert second.is_alive()
    may_end.set()
    for thread in (first, second):
        thread.join()
    assert calls == ["a"]


def test_what_failed_is_not_taken_for_done() -> None:
    outcomes = [OSError("busy"), None]

    def load(_path: str) -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    once = ssl_context._once(load)
    with pytest.raises(OSError, match="busy"):
        once("a")
    once("a")
    once("a")
    assert outcomes == []
