"""TLS clients that control their records: they send parts of records, or records that no library sends."""

import hashlib
import hmac
import socket
import ssl

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from timing import scaled_timeout

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
CLIENT_HELLO, KEY_UPDATE = b"\x01", b"\x18"


class Records:
    """A TLS client that may send a part of a record."""

    def __init__(self, server, protocol, context=None, fragment=None):
        """fragment: how many bytes of its first message each record contains."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or server.authority.client(protocols=(protocol,))
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.socket = socket.create_connection(server.address, scaled_timeout(5))
        self.port = self.socket.getsockname()[1]
        self.received = b""  # of the handshake
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                flight = self.outgoing.read()
                if fragment and not self.received:
                    flight = fragmented(flight, fragment)
                self.socket.sendall(flight)
                self.received += self._receive()
        self.socket.sendall(self.outgoing.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _receive(self):
        data = self.socket.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return data

    def send(self, data, share=1.0):
        """Send this share of the record that contains `data`."""
        self.tls.write(data)
        record = self.outgoing.read()
        self.socket.sendall(record[: int(len(record) * share)])

    def rest(self):
        """Everything received until the server closes, which it must do some seconds after it has sent something."""
        received = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLWantReadError:
                if not self._receive():
                    return received
                continue
            except ssl.SSLError:
                return received  # closed without close_notify, or within a record
            if not piece:
                return received
            received += piece

    def rest_of_records(self):
        """The types of the records received until the server closes."""
        kinds, data = [], b""
        while piece := self.socket.recv(65536):
            data += piece
        while data:
            kinds.append(data[0])
            data = data[5 + int.from_bytes(data[3:5], "big") :]
        return kinds


class SealedRecords(Records):
    """A TLS 1.3 client that encrypts its own records after the handshake."""

    def __init__(self, server, protocol, folder):
        context = server.authority.client(protocols=(protocol,), minimum=ssl.TLSVersion.TLSv1_3)
        (folder / "keys").unlink(missing_ok=True)
        context.keylog_filename = str(folder / "keys")
        super().__init__(server, protocol, context)
        assert self.tls.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        self._use(bytes.fromhex(logged(folder / "keys", "CLIENT_TRAFFIC_SECRET_0")[1]))

    def _use(self, secret):
        self.secret = secret
        self.cipher = AESGCM(self._expand("key", 32))
        self.vector = int.from_bytes(self._expand("iv", 12), "big")
        self.sequence = 0

    def _expand(self, label, size):
        """HKDF-Expand-Label (RFC 8446 section 7.1) for at most one block."""
        name = b"tls13 " + label.encode()
        info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0\1"
        return hmac.digest(self.secret, info, "sha384")[:size]

    def seal(self, content, kind=APPLICATION_DATA):
        """A record with this content."""
        header = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2, "big")
        vector = (self.vector ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return header + self.cipher.encrypt(vector, content + bytes([kind]), header)

    def key_update(self):
        """A record that only updates the client's keys (RFC 8446 section 4.6.3)."""
        record = self.seal(KEY_UPDATE + b"\0\0\1\0", HANDSHAKE)
        self._use(self._expand("traffic upd", 48))
        return record


class SealedRecords12(Records):
    """A TLS 1.2 client that encrypts its own records after the handshake."""

    def __init__(self, server, protocol, folder):
        context = server.authority.client(protocols=(protocol,), maximum=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        (folder / "keys").unlink(missing_ok=True)
        context.keylog_filename = str(folder / "keys")
        super().__init__(server, protocol, context)
        client_random, secret = map(bytes.fromhex, logged(folder / "keys", "CLIENT_RANDOM"))
        server_random = self.received[11:43]  # of its hello, which comes first
        keys = pseudorandom(secret, b"key expansion" + server_random + client_random, 40)
        self.cipher, self.salt = AESGCM(keys[:16]), keys[32:36]
        self.sequence = 1  # 0 was the handshake's last

    def seal(self, content, kind=APPLICATION_DATA):
        """A record with this content (RFC 5288 section 3)."""
        number = self.sequence.to_bytes(8, "big")
        self.sequence += 1
        start = bytes([kind]) + b"\x03\x03"
        sealed = self.cipher.encrypt(self.salt + number, content, number + start + len(content).to_bytes(2, "big"))
        return start + (len(sealed) + 8).to_bytes(2, "big") + number + sealed

    def hello_again(self):
        """A record that requests a new handshake."""
        return self.seal(CLIENT_HELLO + b"\0\0\0", HANDSHAKE)


def fragmented(record, size):
    """A plaintext record split into several with so many bytes each."""
    pieces = [record[at : at + size] for at in range(5, len(record), size)]
    return b"".join(record[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def logged(path, label):
    """The two values of a line of the key log that a client has written."""
    (line,) = [line for line in path.read_text().splitlines() if line.startswith(label + " ")]
    return line.split()[1:]


def pseudorandom(secret, seed, size):
    """P_hash with SHA-256 (RFC 5246 section 5)."""
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, hashlib.sha256)
        out += hmac.digest(secret, a + seed, hashlib.sha256)
    return out[:size]
