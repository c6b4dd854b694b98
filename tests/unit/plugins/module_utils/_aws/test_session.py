# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options become a region, credentials and clients, or a sentence, over real HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import calls
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, SSM, TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import COLLECTION_VERSION, Session, uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, SetUpError
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    PUSHED,
    ScriptedService,
    client,
    push,
)
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import shared
from botocore import httpsession


def test_connecting_sends_nothing(service: ScriptedService) -> None:
    """Everything that a client needs is checked without a request."""
    for name in (INSTANCE_CONNECT, TRANSFER, SSM):
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


ROLE = "arn:aws:iam::123456789012:role/r"
_GIVEN = "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
_CREDENTIALS = f"<Credentials>{_GIVEN}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
ASSUMED = (200, f"<AssumeRoleResponse><AssumeRoleResult>{_CREDENTIALS}</AssumeRoleResult></AssumeRoleResponse>")


@pytest.fixture
def fleet(service: ScriptedService, tmp_path: Path) -> dict[str, Any]:
    """Return the options for a profile with a region, an endpoint and certificates, and for no credentials."""
    (tmp_path / "config").write_text(
        f"[profile fleet]\nregion = eu-central-1\nendpoint_url = {service.params()['endpoint_url']}\n"
        "ca_bundle = /certificates\n"
    )
    (tmp_path / "credentials").write_text("[fleet]\naws_access_key_id = AKIAFLEET\naws_secret_access_key = secret\n")
    return service.params(region=None, endpoint_url=None, access_key=None, secret_key=None, profile="fleet")


def test_an_assumed_role_keeps_what_the_profile_configures(service: ScriptedService, fleet: dict[str, Any]) -> None:
    """Only the credentials are those of the role."""
    service.script = [ASSUMED]
    assumed = Session(fleet).assume_role(ROLE)
    assert assumed.region == ("eu-central-1", "the profile fleet")
    assert assumed.ca_bundle == "/certificates"
    made = assumed.client(TRANSFER)
    assert made.meta.region_name == "eu-central-1"
    assert made.meta.endpoint_url == service.params()["endpoint_url"]
    assert signed_by(assumed) == ("ASIAROLE", "eu-central-1", "t")


def test_the_role_of_an_option_is_assumed_once_for_all_clients(service: ScriptedService, fleet: dict[str, Any]) -> None:
    service.script = [ASSUMED]
    session = Session({**fleet, "assume_role_arn": f" {ROLE}\n"})
    assert (session.region.name, service.requests) == ("eu-central-1", [])
    session.client(INSTANCE_CONNECT)
    session.client(TRANSFER)
    assert signed_by(session) == ("ASIAROLE", "eu-central-1", "t")
    assert service.operations == ["AssumeRole"]


@pytest.mark.parametrize("role", ["keys", "arn:aws:iam::123456789012:user/keys", "arn:aws:iam::1234:role/keys"])
def test_what_is_no_role_is_not_assumed(service: ScriptedService, role: str) -> None:
    with pytest.raises(SetUpError, match=r"^assume_role_arn is .* and must be the ARN of an IAM role"):
        client(service, TRANSFER, assume_role_arn=role)
    assert service.requests == []


def test_a_code_that_nobody_can_type_is_a_sentence(
    service: ScriptedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would prompt for it on a terminal, and there is none."""
    (tmp_path / "config").write_text(
        "[profile careful]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/careful\n"
        "source_profile = keys\nmfa_serial = arn:aws:iam::123456789012:mfa/alice\n"
        "[profile keys]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n"
    )
    nothing = {"access_key": None, "secret_key": None}
    sentence = (
        r"^The profile careful needs an MFA code, which cannot be typed here\..* unset AWS_PROFILE; "
        r'eval "\$\(aws configure export-credentials --profile careful --format env\)"$'
    )
    with pytest.raises(SetUpError, match=sentence):
        client(service, TRANSFER, **nothing, profile="careful")
    monkeypatch.setenv("AWS_PROFILE", "careful")
    with pytest.raises(SetUpError, match=sentence):
        client(service, TRANSFER, **nothing)
    # The SDK asks for no code if it has keys.
    assert client(service, TRANSFER)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert client(service, TRANSFER, **nothing)


def test_a_client_shares_the_bundle_that_was_preloaded(service: ScriptedService) -> None:
    preloaded = preload()
    assert preloaded
    assert preloaded.bundle
    made = Session(service.params(endpoint_url="https://127.0.0.1:1"), preloaded).client(TRANSFER)
    pool = made._endpoint.http_session._manager.connection_pool_kw
    assert pool["ssl_context"] is preloaded.bundle.context


def test_a_role_that_cannot_be_assumed_is_told_after_three_attempts(
    service: ScriptedService, delays: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every task of a run waits for it."""
    service.script = [(503, "<ErrorResponse><Error><Code>Unavailable</Code></Error></ErrorResponse>")]
    with pytest.raises(SetUpError, match=r"cannot be set up: .*Unavailable"):
        Session(service.params(), shared()).assume_role(ROLE)
    assert len(service.requests) == 3


def test_a_role_that_is_refused_is_told_with_the_remedy(service: ScriptedService) -> None:
    service.script = [
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>")
    ]
    with pytest.raises(SetUpError, match=r"AccessDenied.*AssumeRole operation: No\. Allow sts:AssumeRole on this role"):
        Session(service.params(), shared()).assume_role(ROLE)


def test_a_token_with_a_line_break_is_not_repeated(service: ScriptedService) -> None:
    with pytest.raises(SetUpError, match="an option contains a key that does not belong there") as failure:
        Session(service.params(session_token="IQoJ\nb3Jp"), shared()).assume_role(ROLE)
    assert "IQoJ" not in str(failure.value)


def test_a_private_key_for_a_profile_is_not_repeated(service: ScriptedService) -> None:
    private = key_pair("ed25519").private
    with pytest.raises(SetUpError, match="an option contains a key that does not belong there") as failure:
        client(service, TRANSFER, profile=private, access_key=None, secret_key=None)
    assert not [line for line in private.splitlines() if line in str(failure.value)]


def test_an_assumed_role_makes_its_clients_of_the_same_data(service: ScriptedService) -> None:
    service.script = [ASSUMED]
    made = Session(service.params(), shared()).assume_role(ROLE).client(TRANSFER)
    described = shared().loader.load_service_model(TRANSFER, "service-2")["metadata"]
    assert made.meta.service_model.metadata is described


def test_the_client_is_ours_and_sized(service: ScriptedService) -> None:
    """The user agent names the collection, and the pool holds a connection for each concurrent call."""
    config = client(service, TRANSFER, concurrency=33).meta.config
    assert re.match(rf"APN/1.0 Ansible/\S+ sshkeys.aws/{COLLECTION_VERSION}\b", config.user_agent)
    assert config.max_pool_connections == 33
    assert client(service, TRANSFER, concurrency=1).meta.config.max_pool_connections == 1


def test_a_client_waits_and_tries_again_for_as_long_as_documented(service: ScriptedService) -> None:
    config = client(service, TRANSFER).meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 8}


def test_aws_config_counts_more_than_the_settings_of_the_collection(service: ScriptedService) -> None:
    """What it does not name stays."""
    config = client(service, TRANSFER, aws_config={"read_timeout": 90, "retries": {"max_attempts": 1}}).meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 90)
    assert config.retries["total_max_attempts"] == 2


def test_the_bundle_to_trust_is_that_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the environment, of the profile, or else the default of the SDK."""
    (tmp_path / "config").write_text("[profile fleet]\nca_bundle = /etc/of_the_fleet.pem\n[profile plain]\n")
    assert Session({"profile": "plain"}).ca_bundle == httpsession.get_cert_path(True)
    assert Session({"profile": "fleet"}).ca_bundle == "/etc/of_the_fleet.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/of_the_environment.pem")
    assert Session({"profile": "fleet"}).ca_bundle == "/etc/of_the_environment.pem"


def test_only_fips_endpoints_are_asked_for_by_that_name(service: ScriptedService) -> None:
    assert uses_fips(client(service, TRANSFER)) is False
    assert uses_fips(client(service, TRANSFER, aws_config={"use_fips_endpoint": True}, endpoint_url=None)) is True


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


# -- Signers -----------------------------------------------------------------------------------------------------------

A_URL = "https://ssmmessages.eu-central-1.amazonaws.com/v1/data-channel/alice-0abc"


def signed_by(session: Session) -> tuple[str, str, str | None]:
    """Return the access key, the region and the session token that the signer of a session signs with."""
    headers = session.signer().headers("ssmmessages", A_URL)
    credential = re.search(r"Credential=(\w+)/\d{8}/([\w-]+)/ssmmessages/", headers["Authorization"])
    assert credential
    return credential[1], credential[2], headers.get("X-Amz-Security-Token")


def test_a_signer_takes_the_credentials_of_the_options(service: ScriptedService) -> None:
    """Also where the environment has others. It sends nothing."""
    assert signed_by(Session(service.params())) == ("AKIAIOSFODNN7EXAMPLE", "us-east-1", None)
    temporary = service.params(region="eu-central-1", access_key="ASIA", session_token="token\n")
    assert signed_by(Session(temporary)) == ("ASIA", "eu-central-1", "token")
    assert service.requests == []


def test_a_signer_signs_with_the_secret_of_the_options(service: ScriptedService) -> None:
    signer = Session(service.params(session_token="token")).signer()
    given = signer._credentials
    assert (given.access_key, given.secret_key, given.token) == (
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "token",
    )


def test_a_signer_takes_the_credentials_and_the_region_of_a_profile(
    service: ScriptedService, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile fleet]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text(
        "[fleet]\naws_access_key_id = AKIAFLEET\naws_secret_access_key = secret\naws_session_token = token\n"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = service.params(region=None, access_key=None, secret_key=None, profile="fleet")
    assert signed_by(Session(options)) == ("AKIAFLEET", "eu-central-1", "token")


def test_a_signer_takes_the_credentials_of_the_environment(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ACCESS_KEY_ID", "AKIAENVIRONMENT"), ("SECRET_ACCESS_KEY", "s"), ("SESSION_TOKEN", "token")):
        monkeypatch.setenv(f"AWS_{name}", value)
    session = Session(service.params(access_key=None, secret_key=None))
    assert signed_by(session) == ("AKIAENVIRONMENT", "us-east-1", "token")


def test_a_signer_of_an_assumed_role(service: ScriptedService) -> None:
    service.script = [ASSUMED]
    assert signed_by(Session(service.params(), shared()).assume_role(ROLE)) == ("ASIAROLE", "us-east-1", "t")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"region": None}, "No region is configured"),
        ({"access_key": None, "secret_key": None}, "Unable to locate credentials.*Set access_key and secret_key"),
        ({"access_key": None, "secret_key": None, "profile": "nobody"}, r"profile \(nobody\) could not be found"),
        ({"profile": "nobody"}, "both a profile and access tokens"),
    ],
)
def test_what_a_signer_lacks_is_a_sentence(service: ScriptedService, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SetUpError, match=sentence):
        Session(service.params(**options)).signer()


def expiring(tmp_path: Any, expires_at: str) -> dict[str, Any]:
    """Return the options of a profile whose program gives credentials with a number, which counts its runs."""
    program = tmp_path / "program"
    key = "AKIA$(wc -l < $0.runs)"
    given = f'{{"Version": 1, "AccessKeyId": "{key}", "SecretAccessKey": "s", "SessionToken": "t"'
    told = f'{given}, "Expiration": "{expires_at}"}}'.replace('"', '\\"')
    program.write_text(f'#!/bin/sh\necho run >> $0.runs\necho "{told}"\n')
    program.chmod(0o700)
    (tmp_path / "config").write_text(f"[profile fleet]\nregion = us-east-1\ncredential_process = {program}\n")
    return {"region": None, "access_key": None, "secret_key": None, "profile": "fleet"}


def test_a_signer_has_the_credentials_of_now(service: ScriptedService, tmp_path: Any) -> None:
    """Those of a profile are refreshed when they end, which a session through Session Manager may outlive."""
    soon = datetime.now(UTC) + timedelta(minutes=12)
    session = Session(service.params(**expiring(tmp_path, soon.isoformat())))
    # The SDK refreshes credentials in their last fifteen minutes.
    assert [signed_by(session)[0] for _time in range(2)] == ["AKIA2", "AKIA3"]


@pytest.mark.parametrize(("reads_only", "attempts"), [(False, 1), (True, 8)])
def test_only_calls_that_read_are_repeated_for_session_manager(
    service: ScriptedService, reads_only: bool, attempts: int
) -> None:
    made = Session(service.params()).client(SSM, reads_only=reads_only)
    assert made.meta.config.retries["total_max_attempts"] == attempts


def test_credentials_that_have_ended_are_a_sentence(service: ScriptedService, tmp_path: Any) -> None:
    options = service.params(**expiring(tmp_path, "2001-01-01T00:00:00Z"))
    for use in (Session(options).signer, lambda: Session(options).client(SSM)):
        with pytest.raises(SetUpError, match="refreshed credentials are still expired"):
            use()


def test_credentials_that_end_between_two_calls_are_a_sentence(service: ScriptedService, tmp_path: Any) -> None:
    options = service.params(**expiring(tmp_path, "2099-01-01T00:00:00Z"))
    made = Session(options).client(SSM)
    expiring(tmp_path, "2001-01-01T00:00:00Z")
    made._request_signer._credentials._expiry_time = datetime.now(UTC)
    with pytest.raises(ServiceError, match="refreshed credentials are still expired") as failed:
        calls.call(made.terminate_session, SessionId="alice-0abc")
    assert (failed.value.code, failed.value.in_doubt) == ("CredentialRetrievalError", False)
    assert service.requests == []
