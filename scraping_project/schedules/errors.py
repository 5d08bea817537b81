"""What is refused of schedules."""


class ScheduleRefused(ValueError):  # noqa: N818 -- named for what is wrong, as operators read it
    """A schedule, or a change of one, can't be; the message says why and what to do, in one line."""
