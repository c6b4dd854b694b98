# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the ARN of an IAM role, and what is not."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins import modules
from ansible_collections.sshkeys.aws.plugins.doc_fragments import _role
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError

FOLDER = Path(str(_role.__file__)).parents[1] / "modules"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:role/ssh-access",
        "arn:aws:iam::123456789012:role/teams/web/Ssh_Access+1=2,3.4@5",
        "arn:aws-cn:iam::123456789012:role/r",
        "arn:aws-us-gov:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        # From a file.
        " arn:aws:iam::123456789012:role/ssh-access\n",
    ],
)
def test_the_arn_of_a_role(arn: str) -> None:
    check_role_arn(arn)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-access",
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::12345678901:role/r",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam:us-east-1:123456789012:role/r",
        "arn:aws:sts::123456789012:assumed-role/r/session",
        "arn:aws:iam::123456789012:role/r r",
        "arn:aws:iam::123456789012:role/ü",
        "https://123456789012.signin.aws.amazon.com/",
    ],
)
def test_no_arn_of_a_role(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"^assume_role_arn is .*, and must be the ARN of an IAM role, such as "):
        check_role_arn(text)


def modules_of_aws() -> list[str]:
    """Return the modules that have the options of amazon.aws."""
    return [path.stem for path in sorted(FOLDER.glob("*.py")) if "amazon.aws.common.modules" in path.read_text("utf-8")]


@pytest.mark.parametrize("name", modules_of_aws())
def test_every_module_that_calls_aws_has_the_option(name: str) -> None:
    module = importlib.import_module(f"{modules.__name__}.{name}")
    assert module.SPEC.options.items() >= ROLE_OPTIONS.items()
    assert module.SPEC.checks["assume_role_arn"] is check_role_arn
    assert "sshkeys.aws._role" in yaml.safe_load(module.DOCUMENTATION)["extends_documentation_fragment"]


def test_the_documentation_has_the_option_as_it_is() -> None:
    (documented,) = yaml.safe_load(_role.ModuleDocFragment.DOCUMENTATION)["options"].items()
    name, about = documented
    assert {name: {"type": about["type"], "aliases": about["aliases"]}} == ROLE_OPTIONS
