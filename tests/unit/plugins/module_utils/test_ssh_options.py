# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ssh makes of names, options and paths: tables by its source, and ssh itself."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import (
    UnusablePathError,
    escaped,
    has_escapes,
    letters_in,
    name_for_ssh,
    options_in,
    proxy_command,
    quoted,
)
from hypothesis import example, given, strategies as st

INSTANCE_ID = "i-0123456789abcdef0"
NAMES = (
    *(
        "web1",
        "Web1.Example.COM",
        "192.0.2.7",
        "2001:db8::7",
        "fe80::1%eth0",
        "50%off",
        "web#1",
        "web_1",
        "büro",
        "a=b",
    ),
    *("web:22", "*", "none", "a" * 253),
)
NO_NAMES = (
    *(
        "",
        "-oProxyCommand=touch x",
        "Web Server (prod)",
        "app@prod",
        "@",
        "ssh://web1",
        "a/b",
        "it's",
        'say "hi"',
        "$HOME",
    ),
    *("a;b", "a\\b", "a`b`", "a&b", "a<b", "a>b", "a|b", "{a}", "a,b", "[2001:db8::7]", "a]:b", "a\tb", "a\nb", "\x7f"),
    "a" * 254,
)


@pytest.mark.parametrize("name", NAMES)
def test_what_ssh_takes_for_a_host_is_told_unchanged(name: str) -> None:
    assert name_for_ssh(name, INSTANCE_ID) == name
    done = subprocess.run(["ssh", "-F", "none", "-G", name], capture_output=True, text=True, check=True)
    assert f"hostname {name.lower()}" in done.stdout.splitlines()


@pytest.mark.parametrize("name", NO_NAMES)
def test_any_other_name_becomes_the_instance_id(name: str) -> None:
    assert name_for_ssh(name, INSTANCE_ID) == INSTANCE_ID


@given(st.text())
def test_what_ssh_is_told_never_begins_an_option_or_ends_a_word(name: str) -> None:
    told = name_for_ssh(name, INSTANCE_ID)
    assert told in (name, INSTANCE_ID)
    assert not told.startswith("-")
    assert not set(told) & set("'`\"$\\;&<>|(){},@/[] \t\n\0")


@pytest.mark.parametrize(
    ("words", "program", "told"),
    [
        ("-J bastion", "ssh", [("proxyjump", "bastion", "-J bastion")]),
        ("-Jbastion", "ssh", [("proxyjump", "bastion", "-J bastion")]),
        ("-vJ bastion", "ssh", [("proxyjump", "bastion", "-J bastion")]),
        ("-4AvvJbastion", "ssh", [("proxyjump", "bastion", "-J bastion")]),
        ("-rJ bastion", "scp", [("proxyjump", "bastion", "-J bastion")]),
        ("-rJ bastion", "sftp", [("proxyjump", "bastion", "-J bastion")]),
        # The rest of the word, and the word that follows, belong to the letter before.
        ("-FJ bastion", "ssh", []),
        ("-F -J", "ssh", []),
        ("-i -oProxyJump=x -J bastion", "ssh", [("proxyjump", "bastion", "-J bastion")]),
        ("-BJ bastion", "ssh", []),
        ("-BJ bastion", "scp", [("proxyjump", "bastion", "-J bastion")]),
        ("-RJ bastion", "scp", [("proxyjump", "bastion", "-J bastion")]),
        ("-RJ bastion", "sftp", []),
        ("-o ProxyJump=bastion", "ssh", [("proxyjump", "bastion", "-o ProxyJump=bastion")]),
        ("-oProxyJump=bastion", "ssh", [("proxyjump", "bastion", "-o ProxyJump=bastion")]),
        ("-o 'ProxyJump none'", "ssh", [("proxyjump", "none", "-o ProxyJump none")]),
        ("-Co '  PROXYCOMMAND =  none  '", "ssh", [("proxycommand", "none", "-o   PROXYCOMMAND =  none  ")]),
        ("-o 'ProxyCommand nc %h %p'", "ssh", [("proxycommand", "nc %h %p", "-o ProxyCommand nc %h %p")]),
        ("-o 'ProxyCommand==none'", "ssh", [("proxycommand", "none", "-o ProxyCommand==none")]),
        ("""-o '"ProxyJump" none'""", "ssh", [("proxyjump", "none", '-o "ProxyJump" none')]),
        ("-C -q", "ssh", []),
        ("-- -", "ssh", []),
        ("-o", "ssh", []),
        ("-J", "ssh", [("proxyjump", "", "-J ")]),
    ],
)
def test_options_are_found_as_ssh_finds_them(words: str, program: str, told: list[tuple[str, str, str]]) -> None:
    found = options_in(shlex.split(words), program)
    assert [(each.keyword, each.value, each.text) for each in found] == told


def test_letters_are_found_with_their_values() -> None:
    words = shlex.split("-vF config -P2222 -C -o A=b name -i")
    assert list(letters_in(words, "sftp")) == [("F", "config"), ("P", "2222"), ("o", "A=b"), ("i", "")]


@pytest.mark.parametrize("program", ["ssh", "sftp", "scp"])
def test_each_letter_with_a_value_is_known(program: str) -> None:
    """What comes after it is its value, and no option. The program itself lists its letters."""
    usage = subprocess.run([program, "-?"], capture_output=True, text=True, check=False).stderr
    letters = set(re.findall(r"\[-(\w) ", usage)) - {"J", "o"}
    assert len(letters) > 5
    assert [letter for letter in letters if list(options_in([f"-{letter}J", "bastion"], program))] == []


@pytest.mark.parametrize("word", ["", "-", "web1", "uJbastion", "noProxyJump=none", "--", "--Jbastion"])
@pytest.mark.parametrize("program", ["ssh", "sftp", "scp"])
def test_a_word_without_a_dash_before_it_holds_no_options(word: str, program: str) -> None:
    """Nor does one with two."""
    assert list(options_in([word, "x"], program)) == []


@pytest.mark.parametrize("written", ["none", "None", " none"])
@pytest.mark.parametrize("keyword", ["ProxyCommand", "proxyjump"])
@pytest.mark.parametrize("between", ["=", " ", " = ", "=="])
def test_none_is_none_for_ssh_too(keyword: str, between: str, written: str) -> None:
    option = f"{keyword}{between}{written}"
    (told,) = options_in(["-o", option], "ssh")
    assert told.value.lower() == "none"
    done = subprocess.run(["ssh", "-F", "none", "-o", option, "-G", "web1"], capture_output=True, text=True, check=True)
    assert not [line for line in done.stdout.splitlines() if line.startswith("proxy") and not line.endswith(" no")]


PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1).map(lambda text: f"/{text}x")


@given(PATHS)
@example("/home/it's/a\\'b/x")
@example('/say "hi"\\')
@example("/back\\\\\\")
def test_ssh_reads_a_quoted_path_as_it_is(path: str) -> None:
    value = quoted(path, expands=False)
    done = subprocess.run(
        ["ssh", "-F", "none", "-o", f"GlobalKnownHostsFile={value}", "-G", "web1"], capture_output=True, check=True
    )
    assert f"globalknownhostsfile {path}\n".encode() in done.stdout


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/.ssh/id_ed25519", "/home/me/.ssh/id_ed25519"),
        ("/srv/feature%2Ffoo/key", "/srv/feature%%2Ffoo/key"),
        ("/srv/my keys/$HOME/#1/key", "/srv/my keys/$HOME/#1/key"),
        ('/srv/"q"', '/srv/\\"q\\"'),
        # A backslash that protects nothing stays as it is: older versions have no escapes.
        ("/srv/a\\b", "/srv/a\\b"),
        ("/srv/a\\\\b", "/srv/a\\\\\\b"),
        ("/srv/a\\", "/srv/a\\\\"),
    ],
)
def test_paths_are_escaped_where_they_must_be(path: str, expected: str) -> None:
    assert escaped(path) == expected
    assert has_escapes(path) == (path.count("\\") != expected.count("\\"))


def test_a_variable_in_a_path_is_a_sentence() -> None:
    with pytest.raises(UnusablePathError, match=r"contains '\$\{'"):
        escaped("/srv/${x}/key")
    assert escaped("/srv/${x}", expands=False) == "/srv/${x}"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=4))
@example(["it's", "a\\'b", "\\", '"', "50%off", ""])
def test_a_shell_reads_the_words_of_a_program_as_they_are(words: list[str]) -> None:
    value = proxy_command(words)
    assert "%" not in value.replace("%%", "")
    shown = value.replace("%%", "%")
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {shown}"], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [word.encode() for word in words]


@pytest.mark.parametrize(
    "path", ["/a b", "/it's", '/say "hi"', "/a\\'b", "/a\\", "/a\\\\b", "/50%2Foff", "/#x;$y${z}`"]
)
def test_ssh_runs_the_program_by_its_path(path: str, tmp_path: Path) -> None:
    """Quotes must stand in pairs for ssh. It expands tokens, and has a shell run the command."""
    told = tmp_path / "told"
    command = proxy_command(["sh", "-c", 'printf %s "$0" >"$1"', path, str(told)])
    subprocess.run(["ssh", "-F", "none", "-o", f"ProxyCommand={command}", "web1"], capture_output=True, check=False)
    assert told.read_text() == path
