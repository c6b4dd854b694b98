# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ec2_serial_console_key makes of its options. botocore's Stubber is the service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError
from ansible_collections.sshkeys.aws.plugins.modules import ec2_serial_console_key
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, rsa_line, runs
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
ONE = "i-0123456789abcdef0"
PUSH = "send_serial_console_ssh_public_key"
# The example of the EC2 User Guide, "Connect to the EC2 Serial Console".
COMMAND = f"ssh {ONE}.port0@serial-console.ec2-instance-connect.us-east-1.aws"
FINGERPRINT = "SHA256:dXwn5ma/xadVMeBZGEru5l2gx+yI5LDiJaLUcz0FMmw"


class Service(StubbedService):
    """An Instance Connect service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("ec2-instance-connect")

    def expect_push(self) -> None:
        """Expect SendSerialConsoleSSHPublicKey and answer that the key is live."""
        answer = {"RequestId": "request-1", "Success": True}
        self.stubber.add_response(PUSH, answer, {"InstanceId": ONE, "SerialPort": 0, "SSHPublicKey": KEY})

    def run(self, *, check_mode: bool = False, of_amazon: Mapping[str, str] | None = None, **options: Any) -> Report:
        """Run the module's function with a task's options, and check that every expected call was made."""
        given = {"instance_id": ONE, "public_key": f"{KEY} alice@laptop", **options}
        aws = {"region": "us-east-1", **(of_amazon or {})}
        return self.run_module(ec2_serial_console_key, given, check_mode=check_mode, **aws)


@pytest.fixture
def service() -> Service:
    """Return a service without a script yet."""
    return Service()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache folder of its own, and return it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_serial_console(service: Service) -> None:
    """The console is a door with a lease of its own, and the result has the command that opens it."""
    service.expect_push()
    first = service.run()
    assert (first.result["changed"], first.result["ssh_command"]) == (True, COMMAND)
    assert service.run().result["changed"] is False
    assert service.connections == 1


def test_the_result_is_that_of_its_only_target(service: Service) -> None:
    service.expect_push()
    told = service.run()
    (target,) = told.result["targets"]
    assert {name: told.result[name] for name in target} == target
    assert (target["instance_id"], target["serial_port"], target["request_id"]) == (ONE, 0, "request-1")
    assert "os_user" not in target
    assert (told.result["region"], told.result["region_source"]) == ("us-east-1", "the option region")
    assert told.result["key"]["comment"] == "alice@laptop"


def test_check_mode_sends_nothing_and_leaves_no_lease(service: Service, cache: Path) -> None:
    told = service.run(check_mode=True)
    assert (told.result["changed"], told.result["ssh_command"]) == (True, COMMAND)
    assert told.result["host_key_fingerprint"] == FINGERPRINT
    assert (told.result["success"], told.result["expires_at"]) == (True, None)
    assert service.connections == 1
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-north-1", "serial-console.ec2-instance-connect.eu-north-1.aws"),
        ("ca-west-1", "ec2-serial-console.ca-west-1.api.aws"),
        ("us-gov-west-1", "serial-console.ec2-instance-connect.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "ec2-serial-console.cn-north-1.api.amazonwebservices.com.cn"),
    ],
)
def test_the_command_names_the_host_of_the_region_and_its_partition(service: Service, region: str, host: str) -> None:
    assert service.run(of_amazon={"region": region}, check_mode=True).result["ssh_command"] == f"ssh {ONE}.port0@{host}"


def test_the_host_is_that_of_the_region_whatever_endpoint_is_called(service: Service) -> None:
    endpoint = {"endpoint_url": "https://vpce-1.ec2-instance-connect.us-east-1.vpce.amazonaws.com"}
    told = service.run(of_amazon=endpoint, check_mode=True)
    assert told.result["ssh_command"] == COMMAND


def test_a_region_that_aws_does_not_document_has_no_command_and_no_fingerprint(service: Service) -> None:
    told = service.run(of_amazon={"region": "eu-nowhere-1"}, check_mode=True)
    assert told.failure is None
    assert told.result["ssh_command"] is told.result["host_key_fingerprint"] is None
    assert told.result["region"] == "eu-nowhere-1"


@pytest.mark.parametrize("options", [{"force": True}, {"min_validity": 60}])
def test_a_lease_that_is_not_asked_for_or_too_short_does_not_count(service: Service, options: dict[str, Any]) -> None:
    for _time in range(2):
        service.expect_push()
        assert service.run(**options).result["changed"] is True


def test_a_console_that_is_turned_off(service: Service, cache: Path) -> None:
    """The failure says which console of which region, and what to do; the result stands beside it."""
    service.stubber.add_client_error(PUSH, "SerialConsoleAccessDisabledException", "Your account is not authorized")
    told = service.run()
    assert told.failure
    assert told.failure.startswith(
        f"{ONE} (serial console 0): SerialConsoleAccessDisabledException: Your account is not authorized. Turn the "
    )
    assert told.failure.endswith(" The region was us-east-1, from the option region.")
    assert (told.result["changed"], told.result["success"]) == (False, False)
    assert told.result["ssh_command"] == COMMAND
    assert told.result["error"]["code"] == "SerialConsoleAccessDisabledException"
    assert not list(cache.rglob("*.lease"))


def test_a_weak_key_is_a_warning(service: Service) -> None:
    told = service.run(public_key=rsa_line(1024), check_mode=True)
    assert len(told.warnings) == 1
    assert "1024 bits" in told.warnings[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instance_id": "web1"}, "^instance_id 'web1' is not the id of an EC2 instance"),
        ({"serial_port": 1}, f"^serial_port is 1 for {ONE}, and the only serial port is 0"),
        ({"min_validity": 61}, "^min_validity is 61, and must be 0 to 60 seconds"),
        ({"public_key": ""}, "^public_key: It is empty"),
        ({"public_key": f"{KEY},{KEY}"}, "^public_key: There are several keys on one line"),
        (
            {"public_key": key_pair("ecdsa-256").line},
            "^public_key: EC2 Instance Connect accepts ecdsa-sha2-nistp256 keys",
        ),
    ],
    ids=["id", "port", "validity", "empty", "several", "ecdsa"],
)
def test_wrong_options_are_sentences(service: Service, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**options)
    assert service.connections == 0


@pytest.mark.parametrize("option", ["public_key", "ssh_public_key", "instance_id"])
def test_a_private_key_is_refused_before_anything_else(service: Service, option: str) -> None:
    private = key_pair("ed25519").private
    given = {"public_key": None, option: private} if option == "ssh_public_key" else {option: private}
    with pytest.raises(PrivateKeyError, match="It is a private key") as caught:
        service.run(**given)
    assert not runs(str(caught.value), 12) & runs(private.partition("\n")[2], 12)
    assert service.connections == 0
