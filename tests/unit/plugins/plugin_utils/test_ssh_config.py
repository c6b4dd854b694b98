# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file for ssh, as a real ssh reads it and a real shell runs its ProxyCommand."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import UnusablePathError
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _ssh_config
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost
from ansible_collections.sshkeys.aws.plugins.plugin_utils._ssh_config import HostBlock, Program
from hypothesis import example, given, settings, strategies as st

ID = "i-0123456789abcdef0"
HOST = UserHost(ID, "/run/user/1000/sshkeys.aws", "/home/a/.ssh/sshkeys.aws.config", f"/home/a/known_hosts/{ID}")
PROGRAM = Program("/usr/bin/python3", "/c/user_proxy_command.py", ["/c"])

TEXT = st.text(
    st.one_of(
        st.sampled_from("'\"\\ %$`=#!&;|<>(){}*?~-"),
        st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f"),
    ),
    max_size=30,
)
PATHS = TEXT.filter(lambda text: "${" not in text).map(lambda text: f"/{text}")


def block(
    host: UserHost = HOST, names: Sequence[str] = ("web-1", ID), user: str | None = None, port: int | None = None
) -> HostBlock:
    return HostBlock(names, host, user, port)


def asked(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what ssh says of a configuration."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return subprocess.run(
            ["ssh", "-F", file.name, *arguments], capture_output=True, text=True, check=False, errors="surrogateescape"
        )


def configuration(text: str, *arguments: str) -> dict[str, str]:
    """Return what ssh -G says of a configuration."""
    done = asked(text, "-G", *arguments)
    assert done.returncode == 0, done.stderr
    return dict(line.partition(" ")[::2] for line in reversed(done.stdout.split("\n")))


# -- The blocks -------------------------------------------------------------------------------------------------------


def test_a_block_as_it_is_written() -> None:
    text = _ssh_config.render([block(user="ec2-user", port=2222)], PROGRAM)
    assert text.endswith(f"""
Host web-1 {ID}
    User ec2-user
    Port 2222
    HostKeyAlias {ID}
    IdentitiesOnly yes
    ServerAliveInterval 50
    StrictHostKeyChecking yes
    UpdateHostKeys no
    GlobalKnownHostsFile "/home/a/known_hosts/{ID}" /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
    IdentityFile "/run/user/1000/sshkeys.aws/id_ed25519"
    AddKeysToAgent no
    ProxyUseFdpass yes
    ProxyCommand '/usr/bin/python3' '-I' '-S' '/c/user_proxy_command.py' '%r' '%p' '/c' 'instance_id={ID}' \
'folder=/run/user/1000/sshkeys.aws' 'written_to=/home/a/.ssh/sshkeys.aws.config' \
'known_hosts=/home/a/known_hosts/{ID}'
""")
    assert _ssh_config.is_ours(text)


def test_a_file_without_hosts_is_ours_and_says_nothing() -> None:
    text = _ssh_config.render([], PROGRAM)
    assert _ssh_config.is_ours(text)
    assert configuration(text, "web-1")["hostname"] == "web-1"


@pytest.mark.parametrize(
    ("text", "is_ours"), [("", True), (" \n", True), ("Host a\n", False), ("# Written by me\n", False)]
)
def test_whose_file_it_is(text: str, is_ours: bool) -> None:
    assert _ssh_config.is_ours(text) is is_ours


@settings(max_examples=60, deadline=None)
@given(known_hosts=PATHS, folder=PATHS, user=TEXT, port=st.integers(1, 65535))
@example(known_hosts="/a b", folder='/"', user="DOMAIN\\user", port=22)
@example(known_hosts="/%h", folder="/%h\\", user="a  b", port=22)
def test_ssh_takes_from_a_block_what_was_meant(known_hosts: str, folder: str, user: str, port: int) -> None:
    meant = user.strip()
    if not meant or meant.startswith("-") or _ssh_config.refusal(meant, port):
        meant = "ec2-user"
    host = HOST._replace(known_hosts=known_hosts, folder=folder)
    found = configuration(_ssh_config.render([block(host, user=meant, port=port)], PROGRAM), ID)
    assert (found["user"], found["port"]) == (meant, str(port))
    files = f"{known_hosts} /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
    assert found["globalknownhostsfile"] == files
    # -G prints it before the tokens are replaced.
    assert found["identityfile"].replace("%%", "%") == host.identity_file
    assert (found["hostkeyalias"], found["proxyusefdpass"]) == (ID, "yes")


PRINTS = "import json, sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"


@settings(max_examples=60, deadline=None)
@given(profile=TEXT, region=TEXT, key=TEXT, collections=st.lists(TEXT.filter(lambda text: ":" not in text), min_size=1))
@example(profile="it's", region="%h %% %r", key="\\", collections=["/a b", "/c"])
@example(profile="$(touch /x) `id` ${HOME}", region='a"b=c', key="'\\'\\\"", collections=["größe"])
def test_the_program_gets_the_host_as_it_was_through_ssh_and_a_shell(
    profile: str, region: str, key: str, collections: list[str]
) -> None:
    host = HOST._replace(profile=profile, region=region, private_key_file=f"/{key}".replace("${", ""))
    with tempfile.TemporaryDirectory() as folder:
        program, output = Path(folder) / 'it\'s a 100% "program".py', Path(folder) / "output"
        program.write_text(f"import sys\nsys.argv.insert(1, {str(output)!r})\n{PRINTS}", encoding="utf-8")
        text = _ssh_config.render([block(host)], Program(sys.executable, str(program), collections))
        # It hands over no connection, so ssh fails.
        asked(text, "-o", "BatchMode=yes", "-p", "2200", "-l", "some-user", "web-1", "true")
        user, port, paths, *words = json.loads(output.read_text(encoding="utf-8"))
    assert (user, port, paths.split(":")) == ("some-user", "2200", collections)
    assert UserHost(**dict(word.split("=", 1) for word in words)) == host


@pytest.mark.parametrize("character", ["\n", "\r", "\t", "\0", "\x7f"])
@pytest.mark.parametrize("field", ["known_hosts", "folder", "written_to", "profile"])
def test_no_value_begins_another_line(field: str, character: str) -> None:
    host = HOST._replace(**{field: f"/a{character}Host *"})
    with pytest.raises(UnusablePathError, match="contains a control character"):
        _ssh_config.render([block(host)], PROGRAM)


# -- Names, users and ports -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["web-1", "App.5", "größe", "10.0.0.1", "fe80::1", "a=b", "x" * 253, ID])
def test_names_that_ssh_takes(name: str) -> None:
    assert _ssh_config.is_name(name)
    text = _ssh_config.render([block(names=[name], port=2222)], PROGRAM)
    assert configuration(text, name)["port"] == "2222"
    assert configuration(text, f"{name[:200]}x")["port"] == "22"


@pytest.mark.parametrize(
    "name",
    ["", "a b", "-a", "!a", "a*", "a?", "#a", "a%h", "=a", "a@b", "a/b", "[a]", "a\nb", "a,b", "a'b", 'a"b', "x" * 254],
)
def test_names_that_are_left_out(name: str) -> None:
    assert not _ssh_config.is_name(name)


@settings(max_examples=60, deadline=None)
@given(TEXT)
def test_a_name_means_its_host_and_no_other(name: str) -> None:
    if _ssh_config.is_name(name):
        text = _ssh_config.render([block(names=[name], port=2222)], PROGRAM)
        assert configuration(text, name)["port"] == "2222"
        assert configuration(text, "web-1")["port"] == ("2222" if name == "web-1" else "22")


@pytest.mark.parametrize(
    "user", [None, "", "ec2-user", "DOMAIN\\user", "user@domain", "a b", "größe", "#a", "$a", "`a`"]
)
def test_users_that_the_file_holds(user: str | None) -> None:
    assert _ssh_config.refusal(user, None) == ""


@pytest.mark.parametrize("user", ["o'neil", "x'$(touch /tmp/x)'", 'a"', "a%h", "${HOME}", "a\\", "a\nHost *"])
def test_users_that_the_file_does_not_hold(user: str) -> None:
    assert _ssh_config.refusal(user, None).startswith(f"ansible_user is {user!r}, and the file for ssh holds no user")


@pytest.mark.parametrize(
    ("port", "is_refused"), [(None, False), (0, False), (1, False), (65535, False), (65536, True), (-1, True)]
)
def test_a_bad_port_would_break_the_file_for_every_host(port: int | None, is_refused: bool) -> None:
    assert bool(_ssh_config.refusal(None, port)) is is_refused


@settings(max_examples=40, deadline=None)
@given(TEXT)
@example("x'$(touch /tmp/x)'")
@example("${IFS}")
def test_a_user_of_the_file_reaches_the_program_and_nothing_else_runs(user: str) -> None:
    user = user.strip()
    if not user or user.startswith("-") or _ssh_config.refusal(user, None):
        return
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        program = Path(folder) / "program.py"
        program.write_text(f"import sys\nsys.argv.insert(1, {str(output)!r})\n{PRINTS}", encoding="utf-8")
        text = _ssh_config.render([block(user=user)], Program(sys.executable, str(program), ["/c"]))
        asked(text, "-o", "BatchMode=yes", "web-1", "true")
        assert json.loads(output.read_text(encoding="utf-8"))[0] == user


# -- The line that includes it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/home/a/.ssh/sshkeys.aws.config", "Include sshkeys.aws.config"),
        ("/home/a/.ssh/conf.d/web 1", 'Include "conf.d/web 1"'),
        ("/home/a/.ssh/~web", "Include /home/a/.ssh/~web"),
        ("/home/a/web.config", "Include /home/a/web.config"),
        ("/home/a/.sshx/web.config", "Include /home/a/.sshx/web.config"),
    ],
)
def test_the_line(path: str, line: str) -> None:
    assert _ssh_config.include_line(path, "/home/a").replace('"/home/a/.ssh/~web"', "/home/a/.ssh/~web") == line


@pytest.mark.parametrize("name", ["100%", "a*", "a?", "[a]", 'a"', "a'", "a\\", "${a}", "a\nb"])
def test_a_path_that_no_include_holds_is_refused(name: str) -> None:
    with pytest.raises(UnusablePathError, match=r"an Include of ssh cannot hold\. Choose another path\."):
        _ssh_config.include_line(f"/home/a/.ssh/{name}", "/home/a")
    with pytest.raises(UnusablePathError):
        _ssh_config.include_line(f"/{name}/x", "/home/a")


@settings(max_examples=40, deadline=None)
@given(TEXT.filter(lambda text: "/" not in text and text not in ("", ".", "..")))
@example("a b")
@example("~a")
@example("#a")
@example("=a")
def test_ssh_includes_what_the_line_names(name: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / ".ssh" / name
        path.parent.mkdir()
        try:
            path.write_text("Port 2222\n", encoding="utf-8")
            # ssh knows one home folder, so this one is for absolute paths.
            line = _ssh_config.include_line(str(path), "/nonexistent")
            short = _ssh_config.include_line(str(path), home)
        except (OSError, UnusablePathError):
            return
        assert configuration(line, "web-1")["port"] == "2222"
        assert _ssh_config.is_included(line, str(path), home)
        assert _ssh_config.is_included(f"# First\n\n{short}\nHost *\n", str(path), home)


# {} is the folder of the file, which has the name ours.config.
INCLUDED = [
    "Include {}/ours.config",
    "include={}/ours.config",
    "INCLUDE = {}/ours.config",
    "\tInclude\t{}/ours.config\t",
    'Include "{}/ours.config"',
    "Include '{}/ours.config'",
    '"Include" {}/ours.config',
    "Include {}/other {}/ours.config",
    "Include {}/*.config",
    "Include {}/ours.c[a-o]nfig",
    "Include {}/our?.config",
    "Include {}/ours.config # Host *",
    "# Host *\nInclude {}/ours.config",
    "User a\r\nInclude {}/ours.config\r\n",
    "Include {}/ours.config\nHost *\n",
    "Include {}/./ours.config",
]
NOT_INCLUDED = [
    "",
    "#Include {}/ours.config",
    "Include {}/other",
    "Include {}/other # {}/ours.config",
    "Include {}/other #{}/ours.config",
    "Include {}/OURS.config",
    "Include {}/ours.config.old",
    "Include {}*",
    "Include {}/*.conf",
    "Host other\nInclude {}/ours.config",
    "Host other\n\tInclude {}/ours.config",
    "HOST=other\nInclude {}/ours.config",
    '"Host" other\nInclude {}/ours.config',
    "Match host other\nInclude {}/ours.config",
    "SendEnv Include {}/ours.config",
    "# A\x0bInclude {}/ours.config",
    "# A\u2028Include {}/ours.config",
    "# A\x85Include {}/ours.config",
]


@pytest.mark.parametrize("config", [*INCLUDED, *NOT_INCLUDED])
def test_what_is_included_is_known_as_ssh_knows_it(config: str, tmp_path: Path) -> None:
    (tmp_path / "ours.config").write_text("Port 2222\n")
    text = config.replace("{}", str(tmp_path))
    is_included = config in INCLUDED
    assert (configuration(text, "web-1")["port"] == "2222") is is_included
    assert _ssh_config.is_included(text, f"{tmp_path}/ours.config", "/home/a") is is_included


@pytest.mark.parametrize(
    ("line", "path", "is_included"),
    [
        ("Include ours.config", "/home/[a]/.ssh/ours.config", True),
        ("Include ~/.ssh/ours.config", "/home/[a]/.ssh/ours.config", True),
        ("Include ~/ours.config", "/home/[a]/.ssh/ours.config", False),
        ("Include ../ours.config", "/home/[a]/ours.config", True),
        ("Include *", "/home/[a]/.ssh/ours.config", True),
        ("Include *", "/home/[a]/.ssh/.ours.config", False),
        ("Include .*", "/home/[a]/.ssh/.ours.config", True),
        ("Include *", "/home/[a]/.ssh/conf.d/ours.config", False),
        ("Include conf.d/*", "/home/[a]/.ssh/conf.d/ours.config", True),
    ],
)
def test_a_relative_path_begins_where_ssh_begins_it(line: str, path: str, is_included: bool) -> None:
    assert _ssh_config.is_included(line, path, "/home/[a]") is is_included


# -- What the user is told --------------------------------------------------------------------------------------------

GONE = "/p is gone. The process that made its connections ends when it has been idle, and its key with it."
LINE = "Include sshkeys.aws.config"


@pytest.mark.parametrize(
    ("blocks", "left_out", "included", "told"),
    [
        ([block()], [], False, ["ssh finds 1 host in /p.", f"Add this line at the top of ~/.ssh/config: {LINE}"]),
        ([block(), block()], [], True, ["ssh finds 2 hosts in /p.", "~/.ssh/config includes it. Try: ssh web-1"]),
        ([], [{"host": "a", "reason": "No."}], True, ["ssh finds 0 hosts in /p.", "Left out: a. No."]),
        (None, [], False, [GONE]),
        (None, [], True, [GONE, f"Delete this line from ~/.ssh/config: {LINE}"]),
    ],
)
def test_what_the_user_is_told(
    blocks: list[HostBlock] | None, left_out: list[dict[str, str]], included: bool, told: list[str]
) -> None:
    assert _ssh_config.says("/p", blocks, left_out, LINE, included=included) == told
