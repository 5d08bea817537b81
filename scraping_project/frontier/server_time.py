"""Whether Redis's clock was set forward, by the replies and the worker's own count of seconds."""

#: Ms by which a clock may run ahead unnoticed: a worker renews its permits long before that matters.
LEAP_MS = 500


class ServerTime:
    """Compares two answers of the server.

    The server read its clock after the question was sent and before its answer came. So however slow the way
    is, more time than between the first question and the last answer has not passed in truth. A machine that
    was suspended looks the same: its count of seconds stood still.
    """

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None

    def has_leapt(self, asked_at: float, now_ms: int, replied_at: float) -> bool:
        """Whether the clock was set forward between the last answer and this one.

        Args:
            asked_at: When this worker asked, monotonic seconds.
            now_ms: The server's clock, by the reply.
            replied_at: When the answer came.
        """
        last, self._last = self._last, (asked_at, now_ms)
        if last is None:
            return False
        return now_ms - last[1] - (replied_at - last[0]) * 1000 > LEAP_MS
