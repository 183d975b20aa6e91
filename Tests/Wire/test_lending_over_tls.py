"""What a plugin hands to the host, once more, with each connection through TLS."""

from test_lending import (  # noqa: F401
    lending,
    strict,
    test_a_file_of_a_request_that_open_refuses,
    test_a_file_of_a_stream_that_open_refuses,
    test_calls_from_inside_release,
    test_memory_of_a_request_that_open_refuses,
    test_memory_of_a_stream_that_open_refuses,
    test_the_tag_of_a_part_without_bytes,
    test_what_comes_before_a_request_that_open_refuses,
)
from test_over_tls import pool, start_options  # noqa: F401
