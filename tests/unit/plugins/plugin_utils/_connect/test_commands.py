# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands at work on the connections of a run, and what their plugins are told."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands, send
from hypothesis import given, strategies as st

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Ends]:
    """Return the broker's end of a socket to a plugin, and the plugin's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.settimeout(10)
        yield ours, theirs


@pytest.fixture
def other_pair() -> Iterator[Ends]:
    """Return the same for another plugin."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


@given(
    st.lists(st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from(["web1", "web2"]), st.integers(0, 2))),
)
def test_a_connection_is_idle_from_the_end_of_its_last_command_to_the_begin_of_the_next(
    steps: list[tuple[str, str, int]],
) -> None:
    plugins = [socket.socket(socket.AF_UNIX) for _number in range(3)]
    commands = Commands()
    idle: list[str] = []
    commands.when_idle(idle.append)
    at_work: dict[str, set[int]] = {"web1": set(), "web2": set()}
    # Their last commands were seen to end.
    ended: dict[str, float] = {}
    for step, connection, number in steps:
        before = len(idle)
        if step == "begin":
            commands.begin(connection, plugins[number])
            at_work[connection].add(number)
            ended.pop(connection, None)
        elif number in at_work[connection]:
            earliest = time.monotonic()
            commands.end(connection, plugins[number])
            at_work[connection].discard(number)
            if not at_work[connection]:
                ended[connection] = earliest
                assert idle[before:] == [connection]
                before += 1
        assert idle[before:] == []
        for each in at_work:
            since = commands.idle_since(each)
            assert (since is not None) == (each in ended)
            assert since is None or ended[each] <= since <= time.monotonic()
    for plugin in plugins:
        plugin.close()


def test_nobody_has_seen_a_command_of_an_earlier_broker_end() -> None:
    assert Commands().idle_since("web1") is None


def test_who_asks_when_a_connection_becomes_idle_finds_it_idle(pair: Ends) -> None:
    commands, seen = Commands(), []
    commands.when_idle(lambda connection: seen.append(commands.idle_since(connection)))
    commands.begin("web1", pair[0])
    commands.end("web1", pair[0])
    assert seen == [commands.idle_since("web1")] != [None]


def test_only_a_host_that_was_not_there_before_is_new(pair: Ends, other_pair: Ends) -> None:
    commands = Commands()
    assert commands.last_new_at == 0
    before = time.monotonic()
    commands.begin("web1", pair[0])
    first = commands.last_new_at
    assert before <= first <= time.monotonic()
    commands.begin("web1", other_pair[0])
    for plugin in (pair, other_pair):
        commands.end("web1", plugin[0])
    commands.begin("web1", pair[0])
    assert commands.last_new_at == first
    commands.begin("web2", other_pair[0])
    assert commands.last_new_at > first


def test_a_message_goes_to_all_commands_of_the_connection_and_to_no_other(pair: Ends, other_pair: Ends) -> None:
    commands = Commands()
    commands.begin("web1", pair[0])
    commands.begin("web2", other_pair[0])
    commands.tell("web1", {"waits": "größer"})
    commands.tell("web3", {"waits": "nobody"})
    assert json.loads(pair[1].makefile().readline()) == {"waits": "größer"}
    with pytest.raises(BlockingIOError):
        other_pair[1].recv(1)
    commands.begin("web1", other_pair[0])
    commands.tell("web1", {"begin": True})
    assert other_pair[1].recv(100) == pair[1].recv(100) == b'{"begin": true}\n'


def test_a_command_that_has_ended_is_told_nothing(pair: Ends, other_pair: Ends) -> None:
    commands = Commands()
    commands.begin("web1", pair[0])
    commands.begin("web1", other_pair[0])
    commands.end("web1", other_pair[0])
    commands.tell("web1", {"begin": True})
    assert pair[1].recv(100)
    with pytest.raises(BlockingIOError):
        other_pair[1].recv(1)


def test_a_failure_is_told_and_remembered_for_a_plugin_that_asks_later(pair: Ends) -> None:
    commands = Commands()
    commands.begin("web1", pair[0])
    assert commands.failure("web1") is None
    commands.fail("web1", "PUSH", "AWS said no.")
    assert json.loads(pair[1].makefile().readline()) == {"failed": {"step": "PUSH", "sentence": "AWS said no."}}
    commands.end("web1", pair[0])
    assert commands.failure("web1") == {"step": "PUSH", "sentence": "AWS said no."}
    assert commands.failure("web2") is None
    # The plugin of another worker may be told nothing, and asks.
    commands.fail("web1", "TUNNEL", "The endpoint refused.")
    assert commands.failure("web1") == {"step": "TUNNEL", "sentence": "The endpoint refused."}


def test_a_plugin_that_has_gone_does_no_harm(pair: Ends, other_pair: Ends) -> None:
    commands = Commands()
    pair[1].close()
    for plugin in (pair, other_pair):
        commands.begin("web1", plugin[0])
    for _time in range(3):
        commands.tell("web1", {"begin": True})
    assert other_pair[1].recv(100) == b'{"begin": true}\n' * 3


def test_a_plugin_that_does_not_read_gets_whole_messages_or_none(pair: Ends) -> None:
    """The broker must not wait for it, and it takes each line for JSON."""
    ours, theirs = pair
    message = {"waits": "x" * 997}
    for _number in range(2_000):
        send(ours, message)
    received = b""
    theirs.setblocking(False)
    while True:
        try:
            received += theirs.recv(1_000_000)
        except BlockingIOError:
            break
    assert received.endswith(b"\n")
    lines = [json.loads(line) for line in received.splitlines()]
    assert 0 < len(lines) < 2_000
    assert all(line == message for line in lines)
    send(ours, {"begin": True})
    assert theirs.recv(100) == b'{"begin": true}\n'
