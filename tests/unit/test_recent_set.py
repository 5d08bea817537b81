"""A set that stays small and forgets the oldest first."""

from scraping_project.frontier.recent_set import RecentSet


def numbers(start, end):
    return [str(number) for number in range(start, end)]


def test_the_newer_half_is_there_however_many_came_before():
    recent = RecentSet(100)
    for start in range(0, 10_000, 7):
        recent.add(numbers(start, start + 7))
        assert all(number in recent for number in numbers(max(start + 7 - 50, 0), start + 7))


def test_no_more_than_its_size_is_remembered_whatever_comes_at_once():
    recent = RecentSet(100)
    recent.add(numbers(0, 10_000))
    remembered = [number for number in numbers(0, 10_000) if number in recent]
    assert 50 <= len(remembered) <= 100
    assert remembered == numbers(10_000 - len(remembered), 10_000)


def test_what_is_in_neither_half_is_what_is_left_of_many():
    recent = RecentSet(100)
    recent.add(numbers(0, 75))
    assert recent.without(numbers(10, 80)) == set(numbers(75, 80))
    assert recent.without([]) == set()


def test_nothing_else_is_there_and_nothing_at_all_once_it_is_cleared():
    recent = RecentSet(100)
    recent.add(numbers(0, 120))
    assert "120" not in recent
    recent.clear()
    assert not [number for number in numbers(0, 120) if number in recent]
