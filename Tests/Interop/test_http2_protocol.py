"""What is negotiated: HTTP/2 by ALPN, HTTP/1.1 with those who know no other, and the version of TLS."""

import socket
import ssl

import httpx
import pytest

from outrider import HTTP2_SETUPS
from setups import Site


@pytest.fixture(params=HTTP2_SETUPS, ids="-".join)
def secure(outrider, authority, request):
    return Site(outrider(*request.param).secure, authority)


def shake_hands(secure, *protocols, **versions):
    """What a client that offers these protocols has agreed upon: the protocol, and the version of TLS."""
    context = secure.authority.client(protocols=protocols, **versions)
    with socket.create_connection(secure.address, timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.selected_alpn_protocol(), connection.version()


class TestHTTP2Protocol:
    def test_alpn_chooses_h2(self, secure):
        assert shake_hands(secure, "h2", "http/1.1")[0] == "h2"
        assert shake_hands(secure, "http/1.1", "h2")[0] == "h2", "the server's order counts"

    def test_alpn_falls_back_to_http_1_1(self, secure):
        assert shake_hands(secure, "http/1.1")[0] == "http/1.1"
        assert shake_hands(secure)[0] is None

    def test_alpn_without_a_common_protocol(self, secure):
        with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL|no application protocol"):
            shake_hands(secure, "spdy/3")

    def test_a_client_of_http_1_1(self, secure):
        with secure.client(http2=False) as client:
            answer = client.get("/version")
        assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/1.1", 200, "HTTP/1.1")

    def test_a_client_of_http_2(self, secure):
        with secure.client() as client:
            answer = client.get("/version")
        assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", 200, "HTTP/2")

    def test_the_version_of_tls(self, secure):
        newest, older = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        assert shake_hands(secure, "h2") == ("h2", "TLSv1.3")
        assert shake_hands(secure, "h2", maximum=older) == ("h2", "TLSv1.2")
        assert shake_hands(secure, "h2", minimum=newest) == ("h2", "TLSv1.3")

    def test_a_client_that_does_not_trust_the_certificate(self, secure):
        with httpx.Client(base_url=secure.url, http2=True, trust_env=False) as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                stranger.get("/")
