import gc

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from scraping_project.attempts.outcome import outcome_of
from scraping_project.attempts.registry import Attempt, Attempts, is_retry
from scraping_project.http.failure_reasons import Filtered

URL = "http://example.com/"


def retry_of(request):
    return request.replace(meta={**request.meta, "retry_times": request.meta.get("retry_times", 0) + 1})


def attempt(**fields):
    made = Attempt(Request(URL), "id")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def identity_of(attempts, request):
    return attempts.identify(request, attempts.parent(request))


def test_a_new_request_has_an_identity_of_its_own():
    attempts = Attempts()
    (first, number), (second, _) = (identity_of(attempts, Request(URL)) for _ in range(2))
    assert first != second
    assert number == 1


def test_two_workers_give_no_identity_twice():
    assert identity_of(Attempts(), Request(URL)) != identity_of(Attempts(), Request(URL))


def test_a_redirect_inherits_the_identity_and_the_number():
    attempts, target = Attempts(), Request(URL + "new")
    attempts.replace(Attempt(Request(URL), "id", 2), target)
    assert identity_of(attempts, target) == ("id", 2)


def test_a_retry_is_the_next_attempt_of_the_same_request():
    attempts, request = Attempts(), Request(URL)
    again = retry_of(request)
    attempts.replace(Attempt(request, "id", 1), again)
    assert identity_of(attempts, again) == ("id", 2)


def test_a_place_is_taken_once():
    attempts, target, one = Attempts(), Request(URL), Attempt(Request(URL), "id")
    attempts.replace(one, target)
    assert attempts.parent(target) is one
    assert attempts.parent(target) is None


def test_a_replacement_that_is_dropped_is_forgotten():
    attempts, target = Attempts(), Request(URL)
    attempts.replace(Attempt(Request(URL), "id"), target)
    del target
    gc.collect()
    assert len(attempts._heirs) == 0


def test_copied_meta_carries_no_identity():
    attempts, request = Attempts(), Request(URL, meta={"retry_times": 1})
    attempts.begin(request, "id", 2)
    assert attempts.parent(Request(URL + "next", meta=request.meta)) is None


def test_an_attempt_is_known_by_the_request_that_its_answer_names():
    attempts, request, other = Attempts(), Request(URL), Request(URL)
    attempts.begin(request, "id", 1)
    attempts.also(other, attempts.of(request))
    assert attempts.of(other) is attempts.of(request)
    assert attempts.of(None) is attempts.of(Request(URL)) is None
    attempts.end(attempts.of(request))
    assert attempts.of(other) is None


def test_two_attempts_whose_answers_name_the_same_request_both_end():
    attempts, shared = Attempts(), Request(URL)
    for request in (Request(URL), Request(URL)):
        attempts.begin(request, "id", 1)
        attempts.also(shared, attempts.of(request))
    for attempt_ in list(attempts):
        attempts.end(attempt_)
    assert len(attempts) == 0
    assert attempts.of(shared) is None


def test_an_attempt_that_has_ended_is_not_counted():
    attempts, request = Attempts(), Request(URL)
    attempts.begin(request, "id", 1)
    attempts.end(attempts.of(request))
    assert len(attempts) == 0
    assert list(attempts) == []


def test_only_a_raised_count_makes_a_retry():
    retried = Request(URL, meta={"retry_times": 1})
    assert is_retry(Request(URL), retried)
    assert not is_retry(retried, Request(URL + "new", meta=retried.meta))


@pytest.mark.parametrize("status", [200, 204, 299, 304])
def test_a_good_status_is_a_success(status):
    assert outcome_of(attempt(result=Response(URL, status=status))) == ("success", None, None)


@pytest.mark.parametrize("status", [0, 199, 300, 303, 305, 404, 500, 999])
def test_any_other_status_is_a_failure_with_its_number(status):
    assert outcome_of(attempt(result=Response(URL, status=status)))[:2] == ("failed", f"http_{status:03}")


def test_what_the_callback_raised_outweighs_the_status():
    result = Response(URL, status=404)
    ended = attempt(result=result, wire=result, error=("callback", "ValueError"))
    assert outcome_of(ended) == ("dead", "callback", "ValueError")


def test_a_retry_tells_why_it_was_needed():
    again = Request(URL, meta={"retry_times": 1})
    assert outcome_of(attempt(result=again, wire=Response(URL, status=503)))[:2] == ("retried", "http_503")
    assert outcome_of(attempt(result=again, wire=ConnectionResetError("x")))[:2] == ("retried", "reset")


def test_a_redirect_hop_has_no_row():
    assert outcome_of(attempt(result=Request(URL + "new"), wire=Response(URL, status=302))) is None


def test_a_rule_of_ours_filters_with_its_reason():
    assert outcome_of(attempt(result=Filtered("robots", "no"))) == ("filtered", "robots", "no")


def test_a_redirect_given_up_fails_with_its_status():
    given_up = IgnoreRequest("max redirections reached")
    ended = attempt(result=given_up, wire=Response(URL, status=302))
    assert outcome_of(ended) == ("failed", "http_302", "max redirections reached")


@pytest.mark.parametrize("result", [None, IgnoreRequest("offsite")])
def test_what_was_never_sent_and_is_no_rule_of_ours_has_no_row(result):
    assert outcome_of(attempt(result=result)) is None
