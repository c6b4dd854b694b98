# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first open way to a host, the memory of those that were closed, and what is said when all are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import Way
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.closed_ways import ClosedWays
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError

PUBLIC, ENDPOINT, PRIVATE = Way.PUBLIC, Way.ENDPOINT, Way.PRIVATE
WAYS = (PUBLIC, ENDPOINT, PRIVATE)


def closed(sentence: str = "Nothing answers.", step: Step = Step.CONNECT, *, of_aws: bool = False) -> FailedError:
    """Return the failure of a way that is closed."""
    return FailedError(step, sentence, is_answer_of_aws=of_aws, closes_way=True)


CANNOT_BE_USED_NOW = FailedError(Step.TUNNEL, "It is full.")


class Host:
    """A host, whose ways end as a test says, and the ways that were tried."""

    def __init__(self) -> None:
        self.closed_ways = ClosedWays()
        self.tried: list[Way] = []
        self.sockets: dict[Way, socket.socket] = {}

    async def connect(self, ends: Mapping[Way, FailedError | str | None], ways: Sequence[Way] = WAYS) -> socket.socket:
        """Connect. ends: "open", None for no way, or a failure."""
        self.tried = []

        async def connect(way: Way) -> socket.socket | None:
            self.tried.append(way)
            await asyncio.sleep(0)
            end = ends[way]
            if isinstance(end, FailedError):
                raise end
            return self.sockets.setdefault(way, socket.socket()) if end else None

        return await self.closed_ways.first_open(ways, connect)

    def fails(self, ends: Mapping[Way, FailedError | str | None], ways: Sequence[Way] = WAYS) -> FailedError:
        """Connect, and return the failure."""
        with pytest.raises(FailedError) as caught:
            asyncio.run(self.connect(ends, ways))
        return caught.value


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    for each in made.sockets.values():
        each.close()


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({PUBLIC: "open"}, PUBLIC),
        ({PUBLIC: None, ENDPOINT: "open"}, ENDPOINT),
        ({PUBLIC: closed(), ENDPOINT: "open"}, ENDPOINT),
        ({PUBLIC: closed(), ENDPOINT: None, PRIVATE: "open"}, PRIVATE),
    ],
)
def test_the_first_open_way_is_taken_and_no_later_one_is_tried(
    ends: dict[Way, FailedError | str | None], expected: Way, host: Host
) -> None:
    assert asyncio.run(host.connect(ends)) is host.sockets[expected]
    assert host.tried == list(ends)


def test_a_way_that_cannot_be_used_now_is_the_end(host: Host) -> None:
    assert host.fails({PUBLIC: None, ENDPOINT: CANNOT_BE_USED_NOW}) is CANNOT_BE_USED_NOW
    failure = host.fails({PUBLIC: closed(), ENDPOINT: CANNOT_BE_USED_NOW})
    assert failure.step is Step.WAYS
    assert str(failure).endswith(f"(2) An EC2 Instance Connect Endpoint: {CANNOT_BE_USED_NOW}")
    assert host.tried == [PUBLIC, ENDPOINT]
    assert not host.closed_ways.all_were_closed
    # The next time it is tried again, and the one before it is not.
    assert ENDPOINT not in host.closed_ways
    assert asyncio.run(host.connect({ENDPOINT: "open"})) is host.sockets[ENDPOINT]
    assert host.tried == [ENDPOINT]


def test_a_closed_way_is_remembered_and_what_is_no_way_is_not(host: Host) -> None:
    """A missing address may be there the next time."""
    asyncio.run(host.connect({PUBLIC: None, ENDPOINT: closed(), PRIVATE: "open"}))
    assert [way for way in WAYS if way in host.closed_ways] == [ENDPOINT]
    asyncio.run(host.connect({PUBLIC: None, PRIVATE: "open"}))
    assert host.tried == [PUBLIC, PRIVATE]
    asyncio.run(host.connect({PUBLIC: "open"}))
    assert host.tried == [PUBLIC]


def test_all_are_tried_again_when_none_was_open(host: Host) -> None:
    all_closed = dict.fromkeys(WAYS, closed())
    for _number in range(2):
        assert host.fails(all_closed).step is Step.WAYS
        assert host.tried == list(WAYS)
        assert host.closed_ways.all_were_closed
        assert not any(way in host.closed_ways for way in WAYS)
    asyncio.run(host.connect({PUBLIC: closed(), ENDPOINT: "open"}))
    assert not host.closed_ways.all_were_closed
    assert PUBLIC in host.closed_ways


def test_ways_that_were_remembered_are_told_with_those_that_are_closed_now(host: Host) -> None:
    asyncio.run(host.connect({PUBLIC: closed("A."), ENDPOINT: closed("B."), PRIVATE: "open"}))
    failure = host.fails({PRIVATE: closed("C.")})
    assert host.tried == [PRIVATE]
    assert [str(failure).find(each) for each in ("A.", "B.", "C.")] == sorted(
        str(failure).index(each) for each in ("A.", "B.", "C.")
    )


def test_the_sentence_numbers_and_names_the_ways_in_their_order(host: Host) -> None:
    """And says of each what to do about it, but not to let the connection find another way."""
    failure = host.fails(
        {
            PUBLIC: closed("192.0.2.7 port 22: timed out."),
            ENDPOINT: closed("There is none.", Step.TUNNEL),
            PRIVATE: closed("web1 port 22: Name or service not known."),
        }
    )
    assert failure.step is Step.WAYS
    assert str(failure) == (
        "(1) Its public address: 192.0.2.7 port 22: timed out. Look at the security group of the instance (port 22 "
        "from this machine) and at its route. (2) An EC2 Instance Connect Endpoint: There is none. (3) Its private "
        "address: web1 port 22: Name or service not known. Set ansible_host to an address."
    )


@pytest.mark.parametrize("number", [None, 0, 1, 2])
def test_the_region_is_told_if_any_of_them_may_depend_on_it(number: int | None, host: Host) -> None:
    ends = {way: closed(of_aws=index == number) for index, way in enumerate(WAYS)}
    assert host.fails(ends).is_answer_of_aws is (number is not None)


def test_the_only_way_is_told_as_its_own_failure(host: Host) -> None:
    failure = closed("There is none.", Step.TUNNEL, of_aws=True)
    assert host.fails({ENDPOINT: failure}, [ENDPOINT]) is failure
    assert host.closed_ways.all_were_closed
    assert host.fails({PUBLIC: None, ENDPOINT: failure, PRIVATE: None}) is failure


def test_no_way_at_all_is_a_sentence(host: Host) -> None:
    failure = host.fails(dict.fromkeys(WAYS))
    assert failure.step is Step.FIND
    assert str(failure) == "There is no address of the host, and so no way to it. Set ansible_host."


def test_connections_at_once_are_told_of_all_ways_each(host: Host) -> None:
    """They share the memory. The first one forgets it at its end, while the second one is still at its last way."""
    ends: dict[Way, FailedError | str | None] = {
        PUBLIC: closed("A."),
        ENDPOINT: closed("B."),
        PRIVATE: closed("C."),
    }

    async def failure() -> str:
        with pytest.raises(FailedError) as caught:
            await host.connect(ends)
        return str(caught.value)

    async def scenario() -> list[str]:
        return list(await asyncio.gather(failure(), failure()))

    for sentence in asyncio.run(scenario()):
        assert all(each in sentence for each in ("(1) ", "A.", "(2) ", "B.", "(3) ", "C."))


def test_a_connection_whose_last_way_is_none_is_told_of_those_before_it(host: Host) -> None:
    """Another one has forgotten them while it was asking."""

    async def scenario() -> FailedError:
        async def connect(way: Way) -> socket.socket | None:
            if way is PUBLIC:
                raise closed("A.")
            with pytest.raises(FailedError):
                await host.connect({PUBLIC: closed("A."), ENDPOINT: closed("B."), PRIVATE: closed("C.")})
            return None

        with pytest.raises(FailedError) as caught:
            await host.closed_ways.first_open([PUBLIC, PRIVATE], connect)
        return caught.value

    assert str(asyncio.run(scenario())) == "A."


def test_a_fault_of_aws_is_told_and_not_remembered(host: Host) -> None:
    """The next connection tries that way again."""
    once = FailedError(Step.TUNNEL, "HTTP status 500.", closes_way=True, is_lasting=False)
    asyncio.run(host.connect({PUBLIC: None, ENDPOINT: once, PRIVATE: "open"}))
    assert ENDPOINT not in host.closed_ways
    assert asyncio.run(host.connect({PUBLIC: None, ENDPOINT: "open"})) is host.sockets[ENDPOINT]
    failure = host.fails({PUBLIC: closed(), ENDPOINT: once, PRIVATE: closed()})
    assert "(2) An EC2 Instance Connect Endpoint: HTTP status 500." in str(failure)


def test_why_ways_were_closed_can_be_told_later(host: Host) -> None:
    assert str(host.closed_ways) == ""
    asyncio.run(host.connect({PUBLIC: closed(), ENDPOINT: "open"}))
    assert str(host.closed_ways).startswith("(1) Its public address: Nothing answers.")
