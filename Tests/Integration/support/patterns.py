"""Contents that show whose they are: a repeated tag of sixteen bytes. The endings plugin makes the same ones."""

import itertools

from http2 import DATA, HEADERS, RST_STREAM, Connection

TAG = 16
_numbers = itertools.count()


def new_tag():
    """A tag that no other content has. No part of it occurs across the boundary of two other tags."""
    return f"<secret-{next(_numbers):07}>"


def pattern(tag, size, offset=0):
    """That many bytes of its content, from this offset."""
    whole = tag.encode() * (size // TAG + 2)
    return whole[offset % TAG :][:size]


def target(tag, size, **more):
    """The path that requests it from the endings plugin."""
    return f"/?tag={tag}&size={size}" + "".join(f"&{key}={value}" for key, value in more.items())


class Ledger(Connection):
    """Accounts for every byte of the connection. Each byte must be part of a frame of a possible kind and stream, and
    each byte of DATA must be the next one of its stream's content. This detects framing errors at once."""

    def __init__(self, *arguments, **options):
        self.tags = {}  # of the streams with content
        self.pages = ()  # statuses of responses that the server itself may send for these streams
        super().__init__(*arguments, **options)

    def _take(self, got):
        assert got.kind < 10 and (got.stream == 0 or got.stream in self.answers), self._fault("a frame that can't be", got)
        if got.kind in (DATA, HEADERS):
            assert self.answers[got.stream].reset is None, self._fault("a frame after its stream's reset", got)
        if got.kind == DATA:
            self.account(got.stream, got.payload)
        if got.kind == RST_STREAM:
            assert len(got.payload) == 4, self._fault("RST_STREAM of another size", got)
        super()._take(got)

    def account(self, stream, payload):
        tag = self.tags.get(stream)
        if tag is None:
            return
        status = self.answers[stream].status
        if status in self.pages:
            # Through a window of one byte it comes byte by byte.
            begun, page = (bytes(self.answers[stream].body) + payload)[:4], f"{status} ".encode()
            assert begun == page[: len(begun)], f"{status} on stream {stream}: {begun} {payload[:120]}; {self.state()}"
            return
        expected = pattern(tag, len(payload), len(self.answers[stream].body))
        if payload != expected:
            at = next(i for i, (a, b) in enumerate(zip(payload, expected, strict=True)) if a != b)
            raise AssertionError(f"foreign bytes in the content of stream {stream}, {tag}: {payload[at : at + 120]}")

    def account_for_the_rest(self):
        """The connection may end within a frame; the part that came is accounted for as well."""
        if len(self.received) > 9 and self.received[3] == DATA:
            stream = int.from_bytes(self.received[5:9], "big") & 0x7FFFFFFF
            assert stream in self.answers, f"a frame that can't be: {bytes(self.received[:40])}"
            self.account(stream, bytes(self.received[9:]))

    def whole(self, stream, size):
        """Whether the content is complete."""
        answer = self.answers[stream]
        return answer.ended and answer.status == 200 and len(answer.body) == size

    def _fault(self, what, got):
        return f"{what}: kind {got.kind}, stream {got.stream}, {len(got.payload)} bytes {got.payload[:60]}; {self.state()}"


def file_bytes(size):
    return (b"abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]
