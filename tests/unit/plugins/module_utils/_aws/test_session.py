# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options become a region, credentials and clients, or a sentence, over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import COLLECTION_VERSION, Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, SetUpError
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    PUSHED,
    ScriptedService,
    client,
    push,
)


def test_connecting_sends_nothing(service: ScriptedService) -> None:
    """Everything that a client needs is checked without a request."""
    for name in (INSTANCE_CONNECT, TRANSFER):
        client(service, name)
    assert service.requests == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"region": None}, "No region is configured"),
        ({"access_key": None, "secret_key": None}, "Unable to locate credentials"),
        ({"secret_key": None}, "Set both access_key and secret_key"),
        ({"access_key": None, "secret_key": None, "profile": "nobody"}, r"profile \(nobody\) could not be found"),
        ({"profile": "nobody"}, "both a profile and access tokens"),
        ({"endpoint_url": "somewhere"}, "Invalid endpoint: somewhere.*Check endpoint_url"),
        ({"aws_config": {"no_such_option": 1}}, "no_such_option.*Check aws_config"),
        ({"region": "not a region"}, "region"),
    ],
)
def test_what_a_client_lacks_is_a_sentence(service: ScriptedService, options: dict[str, Any], sentence: str) -> None:
    """Every fault of the configuration is told before anything is sent."""
    with pytest.raises(SetUpError, match=sentence):
        client(service, INSTANCE_CONNECT, **options)
    assert service.requests == []


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        ("credential_process = /nonexistent/program", "The connection to AWS cannot be set up: .*nonexistent"),
        (
            "role_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /nonexistent/token",
            "/nonexistent/token",
        ),
        ("role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = source", "AccessDenied"),
    ],
)
def test_credentials_that_cannot_be_had_are_a_sentence(
    service: ScriptedService, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, profile: str, sentence: str
) -> None:
    """Whatever breaks on the way to credentials is told before anything is sent."""
    (tmp_path / "config").write_text(f"[profile fleet]\nregion = us-east-1\n{profile}\n")
    (tmp_path / "credentials").write_text("[source]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.params()["endpoint_url"])
    service.script = [
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>")
    ]
    with pytest.raises(SetUpError, match=sentence):
        client(service, TRANSFER, access_key=None, secret_key=None, profile="fleet")


def test_region_and_credentials_of_a_profile(
    service: ScriptedService, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile of the AWS configuration files gives what the task leaves out."""
    (tmp_path / "config").write_text("[profile fleet]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[fleet]\naws_access_key_id = AKIAFLEET\naws_secret_access_key = secret\n")
    options = service.params(region=None, access_key=None, secret_key=None, profile="fleet")
    assert Session(options).region.name == "eu-central-1"
    assert Session(options).client(TRANSFER).meta.region_name == "eu-central-1"


def test_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own variables name another endpoint, and the most specific one wins."""
    assert Session({"region": "us-east-1"}).endpoint == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://any.example")
    assert Session({"region": "us-east-1"}).endpoint == "http://any.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT", "http://one.example")
    assert Session({"region": "us-east-1"}).endpoint == "http://one.example"
    assert Session({"region": "us-east-1", "endpoint_url": "http://task.example"}).endpoint == "http://task.example"


@pytest.mark.parametrize(
    ("options", "environment", "region"),
    [
        ({"region": "us-east-1"}, {}, ("us-east-1", "the option region")),
        ({"region": " us-east-1\n"}, {}, ("us-east-1", "the option region")),
        ({"region": "us-east-1"}, {"AWS_REGION": "eu-west-1"}, ("us-east-1", "the option region")),
        # amazon.aws puts what is in the environment into the option.
        (
            {"region": "us-east-1"},
            {"AWS_REGION": "us-east-1"},
            ("us-east-1", "the option region or AWS_REGION in the environment"),
        ),
        (
            {"region": "us-east-1"},
            {"AWS_DEFAULT_REGION": "us-east-1"},
            ("us-east-1", "the option region or AWS_DEFAULT_REGION in the environment"),
        ),
        ({"profile": "fleet"}, {}, ("eu-central-1", "the profile fleet")),
        ({}, {}, ("ap-south-1", "the AWS configuration")),
        ({"profile": "bare", "aws_config": {"region_name": "sa-east-1"}}, {}, ("sa-east-1", "the option aws_config")),
    ],
)
def test_a_region_and_what_named_it(
    options: dict[str, Any],
    environment: dict[str, str],
    region: tuple[str, str],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one who called the wrong region learns where to set the right one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = tmp_path / "of_regions"
    config.write_text(
        "[default]\nregion = ap-south-1\n[profile fleet]\nregion = eu-central-1\n[profile bare]\noutput = json\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    session = Session(options)
    assert session.region == session.known_region == region


def test_no_region_is_known(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence about a failure does without."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert Session({}).known_region is None


def test_the_endpoint_of_another_profile_is_another() -> None:
    """The configuration of a profile may name an endpoint of its own."""
    endpoints = {Session({"region": "us-east-1", "profile": name}).endpoint for name in (None, "one", "two")}
    assert len(endpoints) == 3


def test_an_assumed_role_keeps_the_region_of_the_profile(
    service: ScriptedService, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials of the role take the place of those of the profile, and nothing else of it goes."""
    (tmp_path / "config").write_text("[profile fleet]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[fleet]\naws_access_key_id = AKIAFLEET\naws_secret_access_key = secret\n")
    given = "<AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    credentials = f"<Credentials>{given}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    service.script = [
        (200, f"<AssumeRoleResponse><AssumeRoleResult>{credentials}</AssumeRoleResult></AssumeRoleResponse>")
    ]
    options = service.params(region=None, access_key=None, secret_key=None, profile="fleet")
    assumed = Session(options).assume_role("arn:aws:iam::123456789012:role/r")
    assert assumed.region == ("eu-central-1", "the profile fleet")
    assert assumed.params["access_key"] == "AKIAROLE"
    assert assumed.client(TRANSFER).meta.region_name == "eu-central-1"


def test_the_client_is_ours_and_sized(service: ScriptedService) -> None:
    """The user agent names the collection, and the pool holds a connection for each concurrent call."""
    config = client(service, TRANSFER, concurrency=33).meta.config
    assert f"sshkeys.aws/{COLLECTION_VERSION}" in config.user_agent
    assert config.max_pool_connections == 33


def test_tls(service: ScriptedService, delays: list[float], tmp_path: Path) -> None:
    """A certificate is checked, against aws_ca_bundle where there is one, unless validate_certs says no."""
    service.speak_tls(certificate_of_its_own(tmp_path))
    with pytest.raises(ServiceError, match="Check aws_ca_bundle") as failure:
        push(service, [PUSHED])
    assert (failure.value.code, failure.value.in_doubt) == ("SSLError", False)
    assert push(service, [PUSHED], aws_ca_bundle=str(tmp_path / "certificate.pem")).request_id == "request-1"
    assert push(service, [PUSHED], validate_certs=False).request_id == "request-1"


def test_clients_of_a_session_share_what_it_has_found(service: ScriptedService, tmp_path: Any) -> None:
    """A credential process may take seconds, and each run of it may be one more login."""
    runs = tmp_path / "runs"
    program = tmp_path / "program"
    given = '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "secret"}'
    program.write_text(f"#!/bin/sh\necho run >> '{runs}'\necho '{given}'\n")
    program.chmod(0o700)
    (tmp_path / "config").write_text(f"[profile fleet]\nregion = us-east-1\ncredential_process = {program}\n")
    session = Session(service.params(region=None, access_key=None, secret_key=None, profile="fleet"))
    for name in (INSTANCE_CONNECT, TRANSFER):
        session.client(name)
    assert runs.read_text() == "run\n"
