# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ec2_instance_connect_info refuses, asks and tells. What it judges is in module_utils/_reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.ask import Asking, Found
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_info as info
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair
from ansible_collections.sshkeys.aws.tests.unit.networks import AROUND, ID, INSTANCE
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService, StubbedSession

MISSING = "i-00000000000000000"
REFUSED = ServiceError("UnauthorizedOperation", "Not you.", "Ask.")
BROKEN = ServiceError("InternalError", "Broken.", "Wait.")


class Told:
    """What AWS tells, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tell of one instance."""
        self.found = Found([INSTANCE], AROUND)
        self.asked: list[tuple[Any, ...]] = []
        self._service = StubbedService("ec2")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)

        def ask(_self: Asking, *arguments: Any, port: int, endpoint_id: str | None) -> Found:
            self.asked.append((*arguments, port, endpoint_id))
            return self.found

        monkeypatch.setattr(Asking, "ask", ask)

    def run(self, **options: Any) -> Report:
        """Run the module's function with a task's options."""
        validated = ArgumentSpecValidator(info.SPEC.options, info.SPEC.mutually_exclusive).validate(options)
        assert not validated.error_messages
        params: Mapping[str, Any] = {"region": "eu-central-1", **validated.validated_parameters}
        session = StubbedSession(params, self._service.connect)
        return info.run(params, check_mode=True, session=session)

    @property
    def connections(self) -> int:
        """How often a client was asked for."""
        return self._service.connections


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_an_instance(aws: Told) -> None:
    told = aws.run(instance_id=[ID, ID], source_cidr="198.51.100.7", port=22)
    assert (told.failure, told.warnings) == (None, [])
    assert (told.result["changed"], told.result["region"], told.result["errors"]) == (False, "eu-central-1", [])
    (instance,) = told.result["instances"]
    assert (instance["instance_id"], instance["best_way"]) == (ID, "direct")
    assert instance["ways"]["direct"] == {"is_open": True, "reasons": [], "notes": [], "address": "203.0.113.7"}
    assert aws.asked == [([ID], [], 22, None)]


def test_filters_are_handed_over_as_ec2_takes_them(aws: Told) -> None:
    aws.run(filters={"tag:Role": "web", "instance-state-name": ["running", "pending"]})
    ((ids, filters, _port, _endpoint),) = aws.asked
    assert ids is None
    assert sorted(filters, key=str) == sorted(
        [
            {"Name": "tag:Role", "Values": ["web"]},
            {"Name": "instance-state-name", "Values": ["running", "pending"]},
        ],
        key=str,
    )


def test_options_are_handed_over(aws: Told) -> None:
    told = aws.run(instance_ids=ID, tunnel="endpoint", port=3389, instance_connect_endpoint_id="eice-0123456789abcdef0")
    assert aws.asked == [([ID], [], 3389, "eice-0123456789abcdef0")]
    assert told.result["instances"][0]["best_way"] is None
    given = aws.run(instance_ids=ID, addresses={ID: "bastion.example.com", MISSING: None})
    assert given.result["instances"][0]["best_way_is_certain"] is False


def test_an_empty_list_asks_nothing(aws: Told) -> None:
    told = aws.run(instance_ids=[])
    assert (told.failure, told.result["instances"]) == (None, [])
    assert told.result["msg"].startswith("instance_ids is an empty list")
    assert aws.connections == 0


def test_an_instance_that_there_is_not_fails_after_the_others(aws: Told) -> None:
    told = aws.run(instance_ids=[MISSING, ID])
    assert told.failure
    assert told.failure.startswith(f"1 of 2 instances failed: {MISSING}: InvalidInstanceID.NotFound: ")
    assert told.failure.endswith(" The region was eu-central-1, from the option region.")
    assert [each["best_way"] for each in told.result["instances"]] == [None, "direct"]


def test_a_refusal_is_a_warning_and_no_failure(aws: Told) -> None:
    aws.found = Found([INSTANCE], AROUND, {"ec2:DescribeImages": REFUSED})
    told = aws.run(instance_ids=ID)
    assert told.failure is None
    assert told.warnings == ["ec2:DescribeImages was refused. UnauthorizedOperation: Not you. Ask."]
    assert told.result["errors"] == [
        {"action": "ec2:DescribeImages", "code": "UnauthorizedOperation", "message": "Not you.", "hint": "Ask."}
    ]


def test_any_other_failure_fails_with_all_that_was_judged(aws: Told) -> None:
    aws.found = Found([INSTANCE], AROUND, {"ec2:DescribeImages": BROKEN})
    told = aws.run(instance_ids=ID)
    assert told.failure == (
        "ec2:DescribeImages: InternalError: Broken. Wait. The region was eu-central-1, from the option region."
    )
    assert told.result["instances"][0]["best_way"] == "direct"


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
def test_without_ids_and_without_an_answer_there_is_nothing_to_tell(aws: Told, error: ServiceError) -> None:
    aws.found = Found(Unread("No."), AROUND, {"ec2:DescribeInstances": error})
    told = aws.run()
    assert told.failure
    assert told.failure.startswith(str(error))
    assert "instances" not in told.result


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"instance_ids": ["web-1"]},
            "^instance_ids has 'web-1', which is not the id of an instance or of a managed node",
        ),
        ({"instance_ids": [ID, "i-0123"]}, "^instance_ids has 'i-0123'"),
        ({"instance_ids": [ID.upper()]}, "^instance_ids has 'I-"),
        ({"instance_ids": ["mi-01234567"]}, "^instance_ids has 'mi-01234567'"),
        ({"source_cidr": ["office"]}, "^source_cidr has 'office', which is neither a network"),
        ({"source_cidr": ["198.51.100.0/33"]}, "^source_cidr has '198.51.100.0/33'"),
        ({"source_cidr": []}, "^source_cidr is an empty list"),
        ({"port": 0}, "^port is 0, and must be between 1 and 65535"),
        ({"port": 65536}, "^port is 65536"),
        ({"concurrency": 0}, "^concurrency is 0"),
        ({"instance_connect_endpoint_id": "vpce-1"}, "^instance_connect_endpoint_id 'vpce-1' is not the id"),
        ({"addresses": {ID: 5}}, f"^addresses has a value of type int for '{ID}'"),
    ],
)
def test_wrong_options_are_sentences(aws: Told, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        aws.run(**options)
    assert aws.connections == 0


@pytest.mark.parametrize("good", [ID, "i-01234567", "mi-0123456789abcdef0"])
def test_ids(good: str) -> None:
    info.check_id(good)


@pytest.mark.parametrize("name", ["instance_ids", "source_cidr", "instance_connect_endpoint_id"])
def test_a_private_key_is_refused(aws: Told, name: str) -> None:
    with pytest.raises(PrivateKeyError, match="It is a private key"):
        aws.run(**{name: key_pair("ed25519").private})
    assert aws.connections == 0


def test_ids_and_filters_exclude_each_other() -> None:
    validator = ArgumentSpecValidator(info.SPEC.options, info.SPEC.mutually_exclusive)
    assert validator.validate({"instance_ids": [ID], "filters": {"vpc-id": "vpc-1"}}).error_messages
    assert not validator.validate({"instance_ids": [ID]}).error_messages
