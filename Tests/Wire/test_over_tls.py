"""Tests of HTTP/1 and of hints over HTTP/2 once more, with each connection through TLS: no plugin and no client may see
a difference. These are the tests that depend on how bytes come and go; what is said in them TLS does not see.
"""

import pytest

from conftest import Pool

from test_bodies import (  # noqa: F401
    body,
    test_100_when_the_body_is_read,
    test_a_body_cut_short_is_not_taken_for_whole,
    test_a_close_ends_the_pipeline,
    test_a_file_shorter_than_said,
    test_a_handler_that_never_reads,
    test_a_long_unread_body_ends_the_connection,
    test_a_small_window_gets_it_all,
    test_a_spoiled_unread_body_ends_the_connection,
    test_an_answer_never_reaches_another_client,
    test_an_idle_connection_is_closed_in_silence,
    test_at_most_one_100,
    test_echo_in_any_split,
    test_echo_of_a_length,
    test_less_than_content_length,
    test_pipelined_bodies,
    test_request_trailers,
    test_response_trailers,
    test_sendfile,
    test_sendfile_leaves_the_connection_in_order,
    test_ten_in_one_go,
    test_the_slow_one_comes_first,
)
from test_early_hints import (  # noqa: F401
    test_100_continue_is_independent,
    test_a_client_that_leaves_hurts_nobody,
    test_eight_hints_and_no_more,
    test_from_another_thread,
    test_from_another_thread_after_a_client_that_did_not_read,
    test_head_gets_the_hints_too,
    test_hints_behind_an_answer_that_is_not_read,
    test_none_after_a_whole_answer,
    test_none_after_the_final_head,
    test_one_103_well_before_the_page,
    test_three_103s_in_order,
)
from test_misuse import (  # noqa: F401
    goes_on,
    test_backpressure,
    test_events,
    test_events_from_a_blocking_handler,
    test_negative_after_write,
    test_no_answer,
)
from test_routes import (  # noqa: F401
    test_head_of_a_stream_has_no_body,
    test_stream_is_chunked,
    test_stream_to_1_0_ends_with_the_connection,
)
from test_slow_clients import *  # noqa: F403


@pytest.fixture(scope="session")
def start_options(authority):
    return {"tls": authority}


@pytest.fixture(scope="module")
def pool(start_options):
    """Servers of this module's own: those of others are in cleartext."""
    pool = Pool(**start_options)
    yield pool
    pool.stop()
