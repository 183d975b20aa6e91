"""HTTP/2 by ALPN: the whole table of hints once more, through TLS, and what depends on how bytes come and go."""

from http2 import connect
from matrix import http2
from test_http2 import (  # noqa: F401
    test_100_streams_at_once,
    test_a_streamed_answer_comes_as_it_is_made,
    test_an_answer_before_the_end_of_the_body,
    test_an_answer_that_breaks_off_is_reset,
    test_echo,
    test_files,
    test_head_has_no_body,
    test_trailers_of_an_answer,
    test_windows_open_as_the_plugin_reads,
)
from test_http2_abuse import (  # noqa: F401
    HURRY,
    impatient,
    test_a_client_that_does_not_read,
    test_a_head_that_never_ends,
    test_a_window_that_stays_shut,
    test_an_idle_connection_is_drained,
    test_an_idle_connection_is_told_to_go,
    test_drain_finishes_what_has_begun,
)
from test_http2_hints import *  # noqa: F403
from test_over_tls import pool, start_options  # noqa: F401


@http2
def test_it_is_tls(h2_demo):
    with connect(h2_demo) as connection:
        assert connection.socket.selected_alpn_protocol() == "h2" and connection.socket.version() == "TLSv1.3"
        assert connection.get("/").status == 200

