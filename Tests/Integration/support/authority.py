"""A certificate authority for the tests, and the certificates that it signs."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain, and its key: two files."""

    certificate: Path
    key: Path


class Authority:
    """An authority with a folder for the certificates that it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = trustme.CA()
        self.certificate = folder / "authority.pem"
        self.ca.cert_pem.write_to_path(str(self.certificate))
        self.server = self.sign("localhost", "127.0.0.1")

    def sign(self, *names, file=None, **options):
        """A certificate for these host names or addresses. Options are those of trustme."""
        signed = self.ca.issue_cert(*names, **options)
        stem = file or names[0].replace("*", "any")
        identity = Identity(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        identity.key.write_bytes(signed.private_key_pem.bytes())
        identity.certificate.write_bytes(b"".join(blob.bytes() for blob in signed.cert_chain_pems))
        return identity

    def listener(self, bind, identity=None, *lines):
        """A [[listener]] table with TLS; the lines are added to [listener.tls]."""
        identity = identity or self.server
        return "\n".join(
            [
                "[[listener]]",
                f'bind = "{bind}"',
                "[listener.tls]",
                f'certificate = "{identity.certificate}"',
                f'key = "{identity.key}"',
                *lines,
                "",
            ]
        )

    def client(self, identity=None, protocols=("http/1.1",), minimum=None, maximum=None):
        """The context of a client, which trusts only this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if minimum:
            context.minimum_version = minimum
        if maximum:
            context.maximum_version = maximum
        return context

    def client_auth(self, rule):
        """Lines of [listener.tls] that decide about clients with and without a certificate of this authority."""
        return [f'client_ca = "{self.certificate}"', f'client_auth = "{rule}"']
