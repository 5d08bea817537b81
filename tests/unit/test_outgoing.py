"""What a worker has gathered is cut into steps, by bytes and by number; no page ends before its links."""

import pytest

from scraping_project.frontier.messages import Burial, End, Nack, Push, Refusal, Step, blob
from scraping_project.frontier.outgoing import STEP_LOOK_UPS, WORDS, Outgoing, Room


def push(number, size=100):
    return Push(str(number), "a.example", 0, blob(bytes(size - len(blob(b"")))))


def steps_of(outgoing, **room):
    """All steps that it takes, each as a Said of its own."""
    steps = []
    while outgoing:
        now, outgoing = outgoing.cut(Room(**room))
        steps.append(now)
        assert len(steps) < 100
    return steps


def pushed(steps):
    return [[int(each.fingerprint) for each in step.push] for step in steps]


def test_what_has_room_is_one_step():
    outgoing = Outgoing(push=[push(1), push(2)], ack=[End(1, 1)], pages=3)

    assert outgoing.cut(Room()) == (outgoing, Outgoing())


def test_pushes_are_cut_by_number_and_by_bytes_and_keep_their_order():
    outgoing = [push(number) for number in range(5)]

    assert pushed(steps_of(Outgoing(push=outgoing), entries=2)) == [[0, 1], [2, 3], [4]]
    assert pushed(steps_of(Outgoing(push=outgoing), bytes=250)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("place", range(3))
def test_one_that_has_no_room_in_any_step_is_a_step_of_its_own(place):
    outgoing = [push(number) for number in range(2)]
    outgoing.insert(place, push(9, size=10_000))

    steps = steps_of(Outgoing(push=outgoing), bytes=250)

    assert [each for step in steps for each in step.push] == outgoing
    assert max(sum(len(each.payload) for each in step.push) for step in steps) == 10_000
    assert all(len(step.push) == 1 for step in steps if push(9, size=10_000) in step.push)


def test_a_page_ends_with_the_last_of_its_links_and_not_before():
    outgoing = Outgoing(push=[push(number) for number in range(5)], ack_parents=[End(1, 1)], ack=[End(2, 1)])

    steps = steps_of(outgoing, bytes=250)

    assert pushed(steps) == [[0, 1], [2, 3], [4]]
    assert [step.ack_parents for step in steps] == [[], [], [End(1, 1)]]
    assert steps[0].ack == [End(2, 1)]  # it has asked for nothing


@pytest.mark.parametrize(
    ("word", "ending"),
    [("bury", Burial(1, 1, blob(b"letter"))), ("taken", blob(b"seed")), ("ack_parents", End(1, 1))],
)
@pytest.mark.parametrize(
    "asked", [{"push": [push(1), push(2)]}, {"refuse": [Refusal(blob(bytes(50)), blob(bytes(50)))] * 2}]
)
def test_all_that_ends_a_page_or_a_seed_waits_for_what_it_asked_for(word, ending, asked):
    first, *_, last = steps_of(Outgoing(**asked, **{word: [ending]}), bytes=150)

    assert (getattr(first, word), getattr(last, word)) == ([], [ending])


def test_a_page_waits_for_its_own_links_and_not_for_those_that_were_found_since():
    _, outgoing = Outgoing(push=[push(number) for number in range(4)], ack_parents=[End(1, 1)]).cut(
        Room(bytes=100)
    )
    outgoing.push += [push(number) for number in range(4, 8)]
    outgoing.ack_parents.append(End(2, 1))

    steps = steps_of(outgoing, bytes=250)

    assert pushed(steps) == [[1, 2], [3, 4], [5, 6], [7]]
    assert [step.ack_parents for step in steps] == [[], [End(1, 1)], [], [End(2, 1)]]


def test_what_is_put_back_is_said_first_and_its_page_still_waits_for_it_alone():
    now, outgoing = Outgoing(push=[push(number) for number in range(4)], ack_parents=[End(1, 1)]).cut(
        Room(bytes=250)
    )
    outgoing.put_back(
        Step(token="t", epoch=1, sequence=1, lease=1, **{word: getattr(now, word) for word in WORDS})
    )
    outgoing.push += [push(number) for number in range(4, 8)]

    steps = steps_of(outgoing, bytes=350)

    assert pushed(steps) == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [step.ack_parents for step in steps] == [[], [End(1, 1)], []]


def test_a_step_put_back_after_a_cut_and_cut_smaller_ends_its_page_with_its_links():
    now, outgoing = Outgoing(push=[push(0), push(1)], ack_parents=[End(1, 1)]).cut(Room())
    assert not outgoing
    outgoing.put_back(
        Step(token="t", epoch=1, sequence=1, lease=1, **{word: getattr(now, word) for word in WORDS})
    )

    outgoing.push.append(push(2))

    steps = steps_of(outgoing, bytes=150)

    assert pushed(steps) == [[0], [1], [2]]
    assert [step.ack_parents for step in steps] == [[], [End(1, 1)], []]


def test_what_is_tried_again_and_letters_take_room_too():
    again = [Nack(number, 1, 0, "a.example", 0, blob(bytes(200))) for number in range(2)]
    letters = [Burial(number, 1, blob(bytes(200))) for number in range(2)]

    steps = steps_of(Outgoing(nack=again, bury=letters), bytes=450)

    assert [(len(step.nack), len(step.bury)) for step in steps] == [(2, 0), (0, 2)]


def test_questions_are_cut_by_themselves():
    asked = [str(number) for number in range(STEP_LOOK_UPS + 1)]

    now, later = Outgoing(look_up=asked, push=[push(1)]).cut(Room())

    assert (now.look_up, later.look_up, len(now.push)) == (asked[:-1], asked[-1:], 1)
