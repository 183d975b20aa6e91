"""Where clients of HTTP/2 are tried: plugin, worker model, and with TLS or without."""

import ssl
from dataclasses import dataclass

import httpx

from outrider import HTTP2_SETUPS


@dataclass(frozen=True)
class Setup:
    plugin: str
    model: str
    tls: bool

    def __str__(self):
        return f"{self.plugin}-{self.model}-{'tls' if self.tls else 'h2c'}"


SETUPS = [Setup(plugin, model, tls) for plugin, model in HTTP2_SETUPS for tls in (True, False)]


@dataclass(frozen=True)
class Site:
    """Something that answers HTTP, by its address, and the authority of its certificate (None: without TLS)."""

    address: tuple
    authority: object

    @property
    def url(self):
        return f"{'https' if self.authority else 'http'}://localhost:{self.address[1]}"

    def context(self, *protocols):
        """For a client that offers these by ALPN, in this order. httpx would put HTTP/1.1 first, and some take that."""
        context = self.authority.client(protocols=protocols)
        context.set_alpn_protocols = lambda _: None
        return context

    def options(self, http2=True):
        """Of httpx's transports: HTTP/2 alone without TLS, by ALPN with it; or HTTP/1.1 alone."""
        protocols = ("h2", "http/1.1") if http2 else ("http/1.1",)
        verify = self.context(*protocols) if self.authority else ssl.create_default_context()
        return {"verify": verify, "http2": http2, "http1": bool(self.authority) or not http2}

    def client(self, http2=True, source=None):
        """source: the address that it connects from."""
        transport = httpx.HTTPTransport(local_address=source, **self.options(http2))
        return httpx.Client(transport=transport, base_url=self.url, timeout=60, trust_env=False)

    def crowd(self, http2=True):
        """For many requests at once; over HTTP/2 all of them are streams of one connection."""
        limits = httpx.Limits(max_connections=1) if http2 else httpx.Limits()
        return httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False, limits=limits, **self.options(http2))
