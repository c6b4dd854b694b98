# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys a rotation replaces, by what it is told, by what the user has, and by the private key files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.replaces import Replacement, decide
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, key_pair, line_of, runs
from hypothesis import example, given, strategies as st

Key = Mapping[str, Any]

WHO = "partner on s-01234567890abcdef"
FILE = "/home/deploy/.ssh/nightly"
COMMENTS = {number: f"{name}@laptop" for number, name in enumerate(("alice", "bob", "carol", "dave"), start=1)}


def line(number: int, comment: str | None = None) -> str:
    return line_of(ed25519_blob(bytes([number]) * 32), COMMENTS.get(number, "") if comment is None else comment)


def fingerprint(number: int) -> str:
    return parse_public_key(line(number)).fingerprint


def md5(number: int) -> str:
    return parse_public_key(line(number)).fingerprint_md5


def held(number: int, comment: str | None = None) -> Key:
    """Return a key of the user as transfer_ssh_key_info returns it."""
    key = parse_public_key(line(number, comment))
    return {
        "id": f"key-{number:017x}",
        "body": key.line_with_comment,
        "fingerprint": key.fingerprint,
        "fingerprint_md5": key.fingerprint_md5,
        "comment": key.comment,
    }


def unreadable(number: int) -> Key:
    return {"id": f"key-{number:017x}", "body": "x", "fingerprint": None, "fingerprint_md5": None, "comment": None}


ALICE, BOB, CAROL, DAVE = (held(number) for number in range(1, 5))
MOTO = {**ALICE, "id": "s-01234567890abcdef:partner:public_key:1764090000.5"}


def listed(number: int) -> str:
    """Return the line of ssh-keygen -l for a private key."""
    return f"256 {fingerprint(number)} no comment (ED25519)"


def give(keys: Sequence[Key], *new: str, replaces: Any = None, keep: bool = False) -> Replacement:
    """Decide with given public keys."""
    return decide(keys, who=WHO, replaces=replaces, public_keys=new, keep_old_keys=keep)


def renew(
    keys: Sequence[Key], files: Mapping[str, int], *, replaces: Any = None, keep: bool = False, logs_in: bool = False
) -> Replacement:
    """Decide with a private key file. files: by what follows FILE in the name of a file, the number of its key."""
    lines = {f"{FILE}{ending}": listed(number) for ending, number in files.items()}
    return decide(
        keys,
        who=WHO,
        replaces=replaces,
        private_key_file=FILE,
        private_keys=lines,
        keep_old_keys=keep,
        logs_in=logs_in,
    )


def goes(decision: Replacement) -> list[Key]:
    """Return what is replaced, and check that the rest of the decision agrees."""
    assert decision.faults == ()
    assert decision.ids == tuple(key["id"] for key in decision.replaced)
    assert sorted(decision.ids) == sorted(decision.ids_before_move + decision.ids_after_move)
    assert not [key for key in decision.replaced if key in decision.stays]
    return list(decision.replaced)


def fault(decision: Replacement) -> str:
    """Return the only fault, and check that nothing is replaced."""
    (sentence,) = decision.faults
    assert decision.ids == ()
    assert decision.replaced == ()
    return sentence


# -- Given public keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "replaces", "replaced"),
    [
        # Nothing is said: the only other key, whatever it is.
        ([], None, []),
        ([BOB], None, []),
        ([ALICE], None, [ALICE]),
        ([ALICE, BOB], None, [ALICE]),
        ([unreadable(1)], "", [unreadable(1)]),
        ([ALICE], "  ", [ALICE]),
        # By comment, fingerprint and id.
        ([ALICE, CAROL, DAVE], "alice@laptop", [ALICE]),
        ([ALICE, CAROL, DAVE], ["alice@laptop"], [ALICE]),
        ([ALICE, CAROL, DAVE], fingerprint(1), [ALICE]),
        ([ALICE, CAROL, DAVE], md5(1), [ALICE]),
        ([ALICE, CAROL, DAVE], ALICE["id"], [ALICE]),
        ([MOTO, CAROL, DAVE], MOTO["id"], [MOTO]),
        ([unreadable(1), CAROL, DAVE], ALICE["id"], [unreadable(1)]),
        # Several, and the same one in two ways.
        ([ALICE, CAROL, DAVE], "alice@laptop,dave@laptop", [ALICE, DAVE]),
        ([ALICE, CAROL, DAVE], ["dave@laptop", DAVE["id"]], [DAVE]),
        # All others.
        ([ALICE, CAROL, BOB], "all", [ALICE, CAROL]),
        ([ALICE, CAROL, BOB], ["all"], [ALICE, CAROL]),
        ([BOB], "all", []),
        # The new key has the same comment.
        ([ALICE, CAROL, held(2, "alice@laptop")], "alice@laptop", [ALICE]),
        # A comment with a comma, and with a blank.
        ([held(1, "doe, jane"), CAROL], "doe, jane", [held(1, "doe, jane")]),
        ([held(1, "doe, jane"), CAROL], ["doe, jane"], [held(1, "doe, jane")]),
        ([held(1, "all,doe"), CAROL], "all,doe", [held(1, "all,doe")]),
        # A comment that looks like another key's fingerprint or id is none.
        ([ALICE, held(3, fingerprint(1)), DAVE], fingerprint(1), [ALICE]),
        ([ALICE, held(3, ALICE["id"]), DAVE], ALICE["id"], [ALICE]),
        ([ALICE, held(3, MOTO["id"]), MOTO], MOTO["id"], [MOTO]),
        # AWS may hold a key twice.
        (
            [ALICE, {**ALICE, "id": "key-000000000000000aa"}, DAVE],
            fingerprint(1),
            [ALICE, {**ALICE, "id": "key-000000000000000aa"}],
        ),
        # Gone already: the new key is there.
        ([BOB, CAROL, DAVE], "alice@laptop", []),
        ([BOB, CAROL, DAVE], fingerprint(1), []),
        ([BOB, CAROL, DAVE], "alice@laptop,carol@laptop", [CAROL]),
        ([held(2, "shared"), CAROL, DAVE], "shared", []),
    ],
)
def test_given_keys(keys: list[Key], replaces: Any, replaced: list[Key]) -> None:
    decision = give(keys, line(2, "new"), replaces=replaces)
    assert sorted(goes(decision), key=str) == sorted(replaced, key=str)
    assert decision.ids_before_move == decision.ids
    assert not decision.only_removes


@pytest.mark.parametrize(
    ("keys", "replaces", "words"),
    [
        ([ALICE, CAROL, DAVE], None, [WHO, "3 other keys", *COMMENTS.values(), "replaces=all", "replaces=SHA256:"]),
        # It would not be known which of the two is meant.
        ([BOB, ALICE, CAROL], None, ["2 other keys", "alice@laptop", "carol@laptop"]),
        ([ALICE, unreadable(3)], None, [f"{CAROL['id']} (unreadable)"]),
        ([ALICE, held(3, "alice@laptop")], "alice@laptop", ["fits 2 keys", fingerprint(1), fingerprint(3)]),
        ([held(1, "all"), CAROL], "all", ["also the comment of a key"]),
        ([ALICE, CAROL], "mallory", ["replaces has 'mallory'", WHO, fingerprint(1), fingerprint(3)]),
        ([ALICE, CAROL], f"alice@laptop,x,{fingerprint(9)}", [f"replaces has 'x', '{fingerprint(9)}'"]),
        ([], "alice@laptop", ["It has: no key."]),
        ([ALICE, BOB], fingerprint(2), [fingerprint(2), "is a new key itself"]),
        ([ALICE], fingerprint(2), [fingerprint(2), "is a new key itself"]),
        ([ALICE, BOB], BOB["id"], ["is a new key itself"]),
        ([ALICE], [], ["replaces is an empty list"]),
        ([ALICE, CAROL], "all,alice@laptop", ["'all' among other names"]),
        ([held(1, "doe,jane"), held(3, "jane")], "doe,jane", ["fits one key as a whole and another one in part"]),
        ([held(2, "doe,jane"), held(3, "jane")], "doe,jane", ["fits one key as a whole and another one in part"]),
    ],
)
def test_what_is_not_clear_is_refused(keys: list[Key], replaces: Any, words: list[str]) -> None:
    said = fault(give(keys, line(2), replaces=replaces))
    assert [word for word in words if word not in said and word != "bob@laptop"] == []
    assert said.endswith(".")


def test_the_comment_of_a_key_to_come_counts_too() -> None:
    # Else the next run, for which it is there, would understand replaces in another way.
    said = fault(give([held(1, "doe"), held(3, "jane")], line(2, "doe,jane"), replaces="doe,jane"))
    assert "fits one key as a whole and another one in part" in said


def test_not_all_new_keys_are_there() -> None:
    assert "replaces has 'alice@laptop'" in fault(give([BOB, DAVE], line(2), line(3), replaces="alice@laptop"))
    assert goes(give([BOB, CAROL, DAVE], line(2), line(3), replaces="alice@laptop")) == []


def test_what_is_gone_already_is_said() -> None:
    said = give([BOB, CAROL, DAVE], line(2), replaces="alice@laptop").says
    assert "The user has no old key 'alice@laptop': an earlier run has replaced it, or the name is misspelt." in said
    assert "No key is replaced." in said


def test_what_is_going_to_happen_is_said() -> None:
    decision = give([ALICE, BOB, DAVE], line(2), line(3, "new"), replaces="alice@laptop")
    new = sorted([f"  new       {fingerprint(2)} bob@laptop (there already)", f"  new       {fingerprint(3)} new"])
    assert sorted(decision.says[1:3]) == new
    assert decision.says[:1] + decision.says[3:] == (
        f"{WHO}:",
        f"  replaced  {fingerprint(1)} alice@laptop",
        f"  stays     {fingerprint(4)} dave@laptop",
    )


def test_a_text_that_is_no_key_is_a_fault_with_its_place() -> None:
    files = ["keys/none.pub", "keys/bob"]
    texts = [line(2), "nonsense", "# none", key_pair("ed25519").private]
    decision = decide([ALICE], who=WHO, public_keys=texts, public_key_files=files)
    assert [said.split(":")[0] for said in decision.faults] == [
        "public_keys[1]",
        "public_key_files has 'keys/none.pub'",
        "public_key_files has 'keys/bob'",
    ]
    assert "It is a private key" in decision.faults[2]
    assert decision.ids == ()


def test_nothing_of_a_private_key_comes_out() -> None:
    private = key_pair("ed25519").private
    secret = "".join(private.splitlines()[1:-1])
    for replaces in (private, [secret], secret, f"{secret},x"):
        said = " ".join(give([ALICE, CAROL], line(2), replaces=replaces).faults)
        assert said
        assert not runs(said, 8) & runs(secret, 8)


@pytest.mark.parametrize("replaces", [5, {"a": 1}])
def test_neither_list_nor_text(replaces: Any) -> None:
    with pytest.raises(ArgumentError, match="of type"):
        give([ALICE], line(2), replaces=replaces)


# -- Keeping old keys for now -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "replaces", "later"),
    [
        ([ALICE], None, "Kept for now: .* alice@laptop. A run without keep_old_keys removes them."),
        ([ALICE, CAROL], "carol@laptop", "Kept for now: .*carol@laptop. A run without keep_old_keys removes them."),
        ([ALICE, CAROL], None, "Kept for now: .*, .*. To remove keys, name them with replaces, in a run without"),
        ([BOB], None, "$"),
    ],
)
def test_keeping_old_keys(keys: list[Key], replaces: Any, later: str) -> None:
    decision = give(keys, line(2), replaces=replaces, keep=True)
    assert goes(decision) == []
    assert list(decision.stays) == keys
    assert re.match(later, decision.later)


def test_a_later_run_removes_what_was_kept() -> None:
    assert give([ALICE, BOB], line(2)).ids == (ALICE["id"],)
    assert give([ALICE, BOB], line(2)).later == ""


# -- A private key file -----------------------------------------------------------------------------------------------

# In these tables alice's pair is in FILE before the rotation, and bob's is the new one.


@pytest.mark.parametrize(
    ("keys", "files", "replaced", "only_removes"),
    [
        # Nothing is there yet, or FILE is for something else: nothing is replaced.
        ([CAROL], {}, [], False),
        ([CAROL], {"": 1}, [], False),
        ([], {}, [], False),
        # FILE's own key, also where the new pair was made earlier, or is in already.
        ([ALICE, CAROL], {"": 1}, [ALICE], False),
        ([ALICE, CAROL], {"": 1, ".new": 2}, [ALICE], False),
        ([ALICE, BOB, CAROL], {"": 1, ".new": 2}, [ALICE], False),
        # A run was killed after it kept the old pair.
        ([ALICE, BOB, CAROL], {"": 1, ".new": 2, ".old-20261121T101500Z": 1}, [ALICE], False),
        # FILE is the new one, and the old key is still there.
        ([ALICE, BOB, CAROL], {"": 2, ".old-20261121T101500Z": 1}, [ALICE], True),
        ([ALICE, BOB, CAROL], {"": 2, ".old-20261121T101500Z": 1, ".old-2": 3}, [ALICE, CAROL], True),
        # An earlier rotation is complete.
        ([BOB, CAROL], {"": 2, ".old-20261121T101500Z": 1}, [BOB], False),
        # A new pair is there besides.
        ([ALICE, BOB, CAROL], {"": 2, ".new": 4, ".old-20261121T101500Z": 1}, [ALICE, BOB], False),
        # The user lost the key of FILE some other way, and holds an older one.
        ([ALICE, CAROL], {"": 2, ".old-20261121T101500Z": 1}, [ALICE], False),
    ],
)
def test_private_key_file(keys: list[Key], files: dict[str, int], replaced: list[Key], only_removes: bool) -> None:
    decision = renew(keys, files)
    assert goes(decision) == replaced
    assert decision.only_removes is only_removes
    assert decision.ids_after_move == decision.ids
    assert decision.file_fingerprint == (fingerprint(files[""]) if "" in files else "")
    assert decision.is_backed_up is any(
        ending[:4] == ".old" and number == files[""] for ending, number in files.items()
    )


UNFINISHED = {"": 2, ".old-20261121T101500Z": 1}


@pytest.mark.parametrize(
    ("keys", "files", "replaces", "before", "after", "only_removes"),
    [
        ([ALICE, CAROL, DAVE], {"": 1}, "carol@laptop", [CAROL], [], False),
        ([ALICE, CAROL, DAVE], {"": 1}, "all", [CAROL, DAVE], [ALICE], False),
        ([ALICE, CAROL, DAVE], {}, "all", [ALICE, CAROL, DAVE], [], False),
        # Killed after another key went, and before the new pair took its place.
        ([ALICE, BOB, DAVE], {"": 1, ".new": 2}, "carol@laptop", [], [], False),
        ([ALICE, BOB], {"": 1, ".new": 2}, "carol@laptop,alice@laptop", [], [ALICE], False),
        # Unfinished, and some of what is left is named.
        ([ALICE, BOB, CAROL], UNFINISHED, "all", [], [ALICE, CAROL], True),
        ([ALICE, BOB, CAROL], UNFINISHED, "alice@laptop", [], [ALICE], True),
        ([ALICE, BOB, CAROL], UNFINISHED, ["alice@laptop", "carol@laptop"], [], [ALICE, CAROL], True),
        ([held(1, "robot"), held(2, "robot"), CAROL], UNFINISHED, "robot", [], [held(1, "robot")], True),
        # Nothing of it is named: a new rotation.
        ([ALICE, BOB, CAROL], UNFINISHED, "carol@laptop", [CAROL], [], False),
        ([ALICE, BOB, CAROL], UNFINISHED, fingerprint(2), [], [BOB], False),
        # The comment of the new pair is that of the old one.
        ([held(1, "robot"), CAROL], {"": 1}, "robot", [], [held(1, "robot")], False),
        ([held(1, "robot"), held(2, "robot")], {"": 1, ".new": 2}, "robot", [], [held(1, "robot")], False),
    ],
)
def test_private_key_file_and_replaces(
    keys: list[Key], files: dict[str, int], replaces: Any, *, before: list[Key], after: list[Key], only_removes: bool
) -> None:
    decision = renew(keys, files, replaces=replaces)
    assert sorted(goes(decision), key=str) == sorted([*before, *after], key=str)
    assert decision.ids_before_move == tuple(key["id"] for key in before)
    assert decision.ids_after_move == tuple(key["id"] for key in after)
    assert decision.only_removes is only_removes


@pytest.mark.parametrize(
    ("keys", "files", "replaces", "words"),
    [
        ([ALICE, CAROL], {"": 1}, "mallory", "replaces has 'mallory'"),
        # The new pair of an earlier run is not in yet.
        ([ALICE, CAROL], {"": 1, ".new": 2}, "mallory", "replaces has 'mallory'"),
        ([BOB, CAROL], UNFINISHED, "alice@laptop", "replaces has 'alice@laptop'"),
        ([ALICE, BOB], UNFINISHED, ["alice@laptop", fingerprint(2)], "is a new key itself"),
        ([held(1, "robot"), held(2, "robot"), held(3, "robot")], UNFINISHED, "robot", "fits 2 keys"),
    ],
)
def test_private_key_file_and_what_is_not_clear(
    keys: list[Key], files: dict[str, int], replaces: Any, words: str
) -> None:
    assert words in fault(renew(keys, files, replaces=replaces))


@pytest.mark.parametrize("lines", [{FILE: ""}, {FILE: "", f"{FILE}.new": listed(2), f"{FILE}.old-1": listed(1)}])
def test_a_file_that_is_no_private_key_is_not_replaced(lines: dict[str, str]) -> None:
    said = fault(decide([ALICE, BOB], who=WHO, private_key_file=FILE, private_keys=lines))
    assert said.startswith(f"private_key_file is '{FILE}', a file that ssh-keygen cannot read as a private key.")


@pytest.mark.parametrize(
    ("keys", "files", "logs_in", "keep", "may"),
    [
        ([ALICE, CAROL], {"": 1}, False, False, True),
        # No key goes before the login.
        ([ALICE, CAROL], {"": 1}, True, False, False),
        # Nothing is replaced.
        ([ALICE, CAROL], {"": 1}, False, True, False),
        ([CAROL], {"": 1}, False, False, False),
    ],
)
def test_only_a_replaced_key_may_make_room(
    keys: list[Key], files: dict[str, int], *, logs_in: bool, keep: bool, may: bool
) -> None:
    assert renew(keys, files, logs_in=logs_in, keep=keep).may_make_room is may


def test_the_login_is_with_the_pair_that_is_to_stay() -> None:
    assert renew([ALICE], {"": 1}).login_file == f"{FILE}.new"
    assert renew([ALICE, BOB], UNFINISHED).login_file == FILE
    assert give([ALICE], line(2)).login_file == ""
    # With given keys the module itself makes room.
    assert not give([ALICE], line(2)).may_make_room


def test_a_file_that_is_no_key_is_no_unfinished_rotation() -> None:
    lines = {FILE: listed(2), f"{FILE}.new": "", f"{FILE}.old-1": listed(1)}
    decision = decide([ALICE, BOB], who=WHO, private_key_file=FILE, private_keys=lines)
    assert not decision.only_removes
    assert goes(decision) == [ALICE, BOB]


def test_nothing_of_the_file_is_held_and_replaces_is_named() -> None:
    said = renew([CAROL], {}).says
    assert f"-e replaces={fingerprint(3)}." in said[-1]
    assert said[1] == "  new       an ed25519 key, made for private_key_file"
    assert renew([], {}).says[-1] == "No key is replaced."


@pytest.mark.parametrize(
    ("keys", "files", "replaces", "only_removes", "later"),
    [
        ([ALICE, CAROL], {"": 1}, None, False, "removes them."),
        ([ALICE, BOB, CAROL], UNFINISHED, None, True, "removes them."),
        ([ALICE, CAROL], {"": 1}, "carol@laptop", False, "makes another new pair, and removes them."),
        ([CAROL], {}, None, False, ""),
    ],
)
def test_private_key_file_and_keeping_old_keys(
    keys: list[Key], files: dict[str, int], replaces: Any, only_removes: bool, later: str
) -> None:
    decision = renew(keys, files, replaces=replaces, keep=True)
    assert goes(decision) == []
    assert decision.only_removes is only_removes
    assert decision.later.endswith(later)
    assert bool(decision.later) is bool(later)


# -- Laws -------------------------------------------------------------------------------------------------------------

comments = st.sampled_from(["", "a", "b", "a,b", "all", "a b", fingerprint(1), "key-00000000000000002"])
numbers = st.integers(1, 5)
worlds = st.dictionaries(numbers, comments, max_size=5).map(
    lambda world: [held(number, comment) for number, comment in world.items()]
)
new_keys = st.dictionaries(numbers, comments, min_size=1, max_size=2).map(
    lambda new: [line(number, comment) for number, comment in new.items()]
)
names = st.one_of(
    comments,
    numbers.map(fingerprint),
    numbers.map(md5),
    numbers.map("key-{:017x}".format),
)
replacements = st.one_of(st.none(), st.just("all"), names, st.lists(names, max_size=3), st.just("a,b"), st.just("b,a"))


def after(keys: Sequence[Key], new: Sequence[str], decision: Replacement) -> list[Key]:
    """Return what the user has after a rotation that nothing disturbs."""
    there = {key["fingerprint"] for key in keys}
    came = [parse_public_key(text) for text in new]
    imported = [
        {**held(9, key.comment), "id": f"key-{number:017x}", "fingerprint": key.fingerprint}
        | {"fingerprint_md5": key.fingerprint_md5}
        for number, key in enumerate(came, start=100)
        if key.fingerprint not in there
    ]
    return [*decision.stays, *imported]


@given(worlds, new_keys, replacements, st.booleans())
# A key without a comment is none that a list names, and a new key is never meant.
@example(keys=[held(1, "a,b")], new=[line(2, "a")], replaces="a,b", keep=True)
@example(keys=[held(1, "a"), held(2, "b")], new=[line(3, "a,b")], replaces="a,b", keep=True)
@example(keys=[held(2, "")], new=[line(1, "")], replaces=["a", fingerprint(2)], keep=False)
def test_the_same_again_changes_nothing(keys: list[Key], new: list[str], replaces: Any, keep: bool) -> None:
    first = give(keys, *new, replaces=replaces, keep=keep)
    if not first.faults:
        again = give(after(keys, new, first), *new, replaces=replaces, keep=keep)
        assert again.faults == ()
        assert again.ids == ()


@given(worlds, new_keys, replacements, st.booleans())
def test_a_new_key_is_never_replaced(keys: list[Key], new: list[str], replaces: Any, keep: bool) -> None:
    decision = give(keys, *new, replaces=replaces, keep=keep)
    wanted = {parse_public_key(text).fingerprint for text in new}
    assert not wanted & {key["fingerprint"] for key in decision.replaced}
    assert sorted([*decision.replaced, *decision.stays], key=str) == sorted(keys, key=str)


def is_named(key: Key, replaces: Any) -> bool:
    every = replaces if isinstance(replaces, list) else [replaces, *str(replaces).split(",")]
    own = (key["id"], key["comment"], key["fingerprint"], key["fingerprint_md5"])
    return bool({name.strip() for name in every if name} & set(own)) or every in (["all"], ["all", "all"])


@given(worlds, new_keys, replacements)
def test_what_is_not_named_is_never_replaced(keys: list[Key], new: list[str], replaces: Any) -> None:
    decision = give(keys, *new, replaces=replaces)
    if replaces:
        assert [key for key in decision.replaced if not is_named(key, replaces)] == []
    else:
        assert len(decision.replaced) <= 1


files_of = st.dictionaries(st.sampled_from(["", ".new", ".old-1", ".old-2"]), numbers)


@given(worlds, files_of, replacements, st.booleans())
def test_a_file_works_at_every_moment(keys: list[Key], files: dict[str, int], replaces: Any, keep: bool) -> None:
    decision = renew(keys, files, replaces=replaces, keep=keep)
    to_be_kept = {fingerprint(files[ending]) for ending in ("", ".old-1", ".old-2") if ending in files}
    before = [key for key in decision.replaced if key["id"] in decision.ids_before_move]
    assert not to_be_kept & {key["fingerprint"] for key in before}
    if decision.only_removes:
        assert decision.file_fingerprint not in {key["fingerprint"] for key in decision.replaced}
        assert decision.file_fingerprint in {key["fingerprint"] for key in decision.stays}
    if ".new" in files:
        assert fingerprint(files[".new"]) not in {key["fingerprint"] for key in decision.replaced}
    if replaces is None:
        assert {key["fingerprint"] for key in decision.replaced} <= to_be_kept


@given(worlds, files_of, replacements)
def test_a_rotation_that_is_killed_goes_on(keys: list[Key], files: dict[str, int], replaces: Any) -> None:
    """Once the new key is in, a run that finds FILE.new removes what the first one left."""
    new = 6
    files = {**files, ".new": new}
    world = [*keys, held(new, "robot")]
    first = renew(world, files, replaces=replaces)
    for number in range(len(first.ids_before_move) + 1):
        gone = first.ids_before_move[:number]
        again = renew([key for key in world if key["id"] not in gone], files, replaces=replaces)
        assert again.faults == first.faults
        assert {*gone, *again.ids} == {*first.ids}
    # Now the new pair is in its place.
    moved = {ending: number for ending, number in files.items() if ending not in {"", ".new"}}
    moved |= {"": new} | ({".old-3": files[""]} if "" in files else {})
    for number in range(len(first.ids_after_move)):
        gone = first.ids_before_move + first.ids_after_move[:number]
        again = renew([key for key in world if key["id"] not in gone], moved, replaces=replaces)
        assert again.faults == ()
        assert again.only_removes
        assert {*gone, *again.ids} == {*first.ids}
