# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before ssh is started, as sentences."""

from __future__ import annotations

from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import Told, options_in
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import refusals
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from hypothesis import given, strategies as st


def told(*words: str) -> Told:
    """Return the only option in arguments of ssh."""
    (found,) = options_in(words, "ssh")
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("-J", "bastion"),
        ("-Jbastion",),
        ("-o", "ProxyJump=bastion"),
        ("-oProxyCommand=nc %h %p",),
        ("-o", "ProxyCommand nonesuch"),
    ],
)
def test_another_way_is_refused_with_both_that_can_be_done(words: tuple[str, ...]) -> None:
    sentence = refusals.proxy("ssh_common_args", told(*words))
    assert sentence.startswith("ssh_common_args contains ")
    assert "Remove it from ssh_common_args, or keep it and use ansible_connection: ssh with the role" in sentence


@pytest.mark.parametrize("words", [("-o", "ProxyCommand=none"), ("-oproxyjump=NONE",), ("-o", "ProxyJump none")])
def test_no_other_way_is_none(words: tuple[str, ...]) -> None:
    assert refusals.proxy("ssh_args", told(*words)) == ""


def test_the_short_way_to_say_none_is_what_ssh_does_not_take() -> None:
    sentence = refusals.proxy("ssh_args", told("-J", "none"))
    assert sentence.startswith("ssh_args contains -J none, which ssh does not accept with a ProxyCommand")
    assert sentence.endswith("Write -o ProxyJump=none.")


def test_what_is_repeated_of_an_option_has_an_end() -> None:
    sentence = refusals.proxy("ssh_args", told("-o", "ProxyCommand=" + "x" * 1000))
    assert 40 < sentence.count("x") < 80


@given(st.text(max_size=300))
def test_what_is_repeated_of_a_name_has_an_end_and_is_safe_to_print(value: str) -> None:
    for sentence in (
        refusals.name("ansible_user", value),
        refusals.instance("web1", value, is_localhost=False),
        refusals.user(value),
        refusals.control_character("placement", value),
    ):
        assert sentence.isprintable()
        assert len(sentence) < 600


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "body"])
def test_no_part_of_a_private_key_in_the_wrong_variable_comes_out(is_whole: bool) -> None:
    private = key_pair("ed25519").private
    body = "".join(private.splitlines()[1:-1])
    for sentence in (
        refusals.name("ansible_user", private if is_whole else body),
        refusals.instance("web1", private if is_whole else body, is_localhost=False),
        refusals.user(private if is_whole else body),
        refusals.control_character("placement", private if is_whole else body),
    ):
        assert not runs(sentence, 8) & runs(body, 8)


def test_a_name_says_which_variable_holds_it() -> None:
    assert refusals.name("ansible_user", "a\nb") == (
        "ansible_user is 'a\\nb', which is not a valid name. Look for a stray character in it."
    )


@pytest.mark.parametrize("is_localhost", [False, True])
def test_what_was_given_counts_more_than_where_it_is(is_localhost: bool) -> None:
    sentence = refusals.instance("web1", "web1.example.com", is_localhost=is_localhost)
    assert sentence.startswith(
        "The instance id of web1, 'web1.example.com', is not valid: it must be 'i-' and hexadecimal"
    )


def test_an_invalid_id_names_both_kinds() -> None:
    sentence = refusals.instance("web1", "x", is_localhost=False)
    assert "such as i-0123456789abcdef0, or the id of a managed node, such as mi-0123456789abcdef0." in sentence


NODE = "mi-0123456789abcdef0"


@pytest.mark.parametrize(
    ("is_key_of_the_run", "tunnel", "begin", "end"),
    [
        (
            True,
            "auto",
            "EC2 Instance Connect pushes keys only to EC2 instances. Set ansible_private_key_file",
            "agent.",
        ),
        # It is the first thing that must be set.
        (True, "endpoint", "EC2 Instance Connect pushes keys only to EC2 instances.", "agent."),
        (False, "endpoint", "no EC2 Instance Connect Endpoint leads to one. Set", "session_manager or auto."),
    ],
)
def test_a_managed_node_that_cannot_be_reached_is_a_sentence(
    is_key_of_the_run: bool, tunnel: str, begin: str, end: str
) -> None:
    settings = {"instance_id": NODE, "is_key_of_the_run": is_key_of_the_run, "tunnel": tunnel}
    sentence = refusals.managed_node(cast("Settings", settings))
    assert sentence.startswith(f"{NODE} is a managed node of Systems Manager, and {begin}")
    assert sentence.endswith(end)


@pytest.mark.parametrize("tunnel", ["auto", "session_manager", "never"])
def test_a_managed_node_that_can_be_reached_is_not_refused(tunnel: str) -> None:
    settings = {"instance_id": NODE, "is_key_of_the_run": False, "tunnel": tunnel}
    assert refusals.managed_node(cast("Settings", settings)) == ""


def test_what_is_not_known_of_a_host() -> None:
    assert refusals.instance("web1", "", is_localhost=False).startswith("The instance id of web1 is unknown. Set")
    sentence = refusals.instance("localhost", "", is_localhost=True)
    assert sentence.startswith("This task runs on localhost, which is not an EC2 instance.")
    assert "connection: sshkeys.aws.ec2_instance_connect" in sentence


def test_what_an_old_ssh_cannot_hold_names_its_version() -> None:
    assert "of OpenSSH 8.6 can hold" in refusals.escapes("ansible_private_key_file", (8, 6))
    assert refusals.escapes("ansible_private_key_file", (8, 6)).startswith("ansible_private_key_file has a quotation")


def test_a_folder_for_sockets_is_named_with_what_sets_it() -> None:
    sentence = refusals.control_path("/home/alice/.ansible/cp")
    assert sentence.startswith("The folder for the sockets of ssh, /home/alice/.ansible/cp, cannot be written to.")
    assert "ANSIBLE_SSH_CONTROL_PATH_DIR" in sentence


def test_secrets_are_named_and_not_shown() -> None:
    assert refusals.secrets(["access_key", "secret_key"]) == (
        "Its credentials are in ansible_ec2_instance_connect_access_key and ansible_ec2_instance_connect_secret_key, "
        "and the file for ssh holds no secret. Name a profile instead, in ansible_ec2_instance_connect_profile."
    )


def test_what_no_line_of_the_file_for_ssh_holds_is_a_sentence() -> None:
    assert refusals.user("o'neil").startswith('ansible_user is "o\'neil", and the file for ssh holds no user with a')
    assert refusals.port(70000) == "ansible_port is 70000, which is no port: it must be from 1 to 65535."
    assert refusals.control_character("placement", "a\nb").startswith("placement is 'a\\nb', which has a control")
