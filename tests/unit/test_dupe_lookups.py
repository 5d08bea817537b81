"""Pages that wait for the frontier's word on their links."""

import asyncio

import pytest

from scraping_project.worker.dupe_lookups import DupeLookups


@pytest.fixture(name="ask")
def lookups_and_who_waits():
    """Has each question asked in a task; after ``say(lookups)`` returns which of them go on."""

    def ask(*all_fingerprints, say):
        async def run():
            lookups = DupeLookups()
            tasks = [asyncio.create_task(lookups.wait_for(each)) for each in all_fingerprints]
            await asyncio.sleep(0)
            say(lookups, tasks)
            await asyncio.sleep(0)
            gone_on = [task.done() for task in tasks]
            lookups.give_up()
            await asyncio.gather(*tasks, return_exceptions=True)
            return gone_on

        return asyncio.run(run())

    return ask


def test_a_page_goes_on_when_all_its_links_are_answered(ask):
    gone_on = ask(["1", "2"], ["2", "3"], ["1"], say=lambda lookups, _: lookups.confirm(["2", "1"]))
    assert gone_on == [True, False, True]


def test_a_page_whose_links_are_answered_in_several_steps_goes_on_with_the_last(ask):
    def say(*steps):
        return lambda lookups, _: [lookups.confirm(step) for step in steps]

    assert ask(["1", "2", "3"], say=say(["1"], ["2"])) == [False]
    assert ask(["1", "2", "3"], say=say(["1"], ["2"], ["3", "4"])) == [True]


def test_an_answer_to_nothing_lets_nobody_go_on(ask):
    assert ask(["1"], [], say=lambda lookups, _: lookups.confirm([])) == [False, False]


def test_all_go_on_when_nobody_will_answer(ask):
    assert ask(["1"], ["2"], say=lambda lookups, _: lookups.give_up()) == [True, True]


def test_a_page_that_waits_no_more_is_no_hindrance(ask):
    def cancel_one_and_answer(lookups, tasks):
        tasks[0].cancel()
        lookups.confirm(["1", "2"])

    assert ask(["1"], ["2"], say=cancel_one_and_answer) == [True, True]
