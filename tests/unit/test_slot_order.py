"""What the operator may say of a slot."""

import pytest

from scraping_project.frontier.slot_order import check_order, read_order

ORDERS = [{}, {"delay": 0}, {"delay": 86_400_000}, {"paused": True}, {"delay": 1.5, "blocked": False}]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_has_a_delay_and_two_words(order):
    check_order("example.com", order)


@pytest.mark.parametrize("slot", ["", "x" * 256, "ü" * 128, "\ud800"])
def test_what_is_no_slot_is_refused_in_one_line(slot):
    with pytest.raises(
        ValueError, match=r"^.* is no slot: name one of 1 to 255 bytes, such as example\.com$"
    ):
        check_order(slot, {"paused": True})


@pytest.mark.parametrize(
    ("order", "wrong"),
    [
        ({"pause": True}, "an order has delay, paused and blocked, not pause"),
        ({"delay": -1}, "delay is in milliseconds, from 0 to 86400000, not -1"),
        ({"delay": 86_400_001}, "from 0 to 86400000, not 86400001"),
        ({"delay": float("nan")}, "not nan"),
        ({"delay": True}, "not True"),
        ({"delay": "5"}, "not '5'"),
        ({"paused": "yes"}, "paused is true or false, not 'yes'"),
        ({"blocked": None}, "blocked is true or false, not None"),
    ],
)
def test_what_is_no_order_is_refused_in_one_line(order, wrong):
    with pytest.raises(ValueError, match=f"^[^\n]*{wrong}[^\n]*$"):
        check_order("example.com", order)


@pytest.mark.parametrize("text", [b"{", b"5", b"\xff", b'{"delay":-1}', b'{"delay":true}', b'{"delay":null}'])
def test_what_somebody_else_has_written_is_no_order(text):
    assert read_order(text) is None
    assert read_order(b'{"delay":5}') == {"delay": 5}
