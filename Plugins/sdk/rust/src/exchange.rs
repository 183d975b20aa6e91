//! What is known of a request beside its head, in every style.

use crate::bytes::{as_bytes, bytes_of, with_nul};
use crate::field::{fields_of, Field};
use crate::host::{Host, Level};
use crate::status::{done, Error};
use crate::sys::{self, log as raw};
use std::marker::PhantomData;
use std::mem::size_of;

/// An exchange, on the thread that serves it: notes for the logs, the trace, and the facts of TLS. It lives for `'a`: until
/// the exchange is over, or the hook returns.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    host: Host,
    id: sys::outrider_exchange,
    // Not for other threads.
    borrowed: PhantomData<(&'a (), *const ())>,
}

impl<'a> Exchange<'a> {
    #[inline]
    pub(crate) fn new(host: Host, id: sys::outrider_exchange) -> Self {
        Exchange { host, id, borrowed: PhantomData }
    }

    /// Whether the response is still needed: [`Error::CLOSED`] or [`Error::CANCELLED`] if it is not. Cheap.
    pub fn check(&self) -> Result<(), Error> {
        // SAFETY: the host's table lives for ever.
        done(unsafe { (self.host.table().cancelled)(self.host.table(), self.id) })
    }

    /// Writes a line to the error log, with the request's id.
    pub fn log(&self, level: Level, message: &str) {
        self.host.log_about(self.id, level, message);
    }

    /// Notes a value for both logs: `%({key}n)s` of the access log. The key has letters, digits, `-`, `_` and `.`, 32 at most;
    /// the value is cut at 256 bytes. A key that is noted again takes the new value, and an empty value takes the note away.
    /// A request has at most 16 notes. [`Error::UNSUPPORTED`]: the host has no notes.
    pub fn note(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let log = self.host.log_table().ok_or(Error::UNSUPPORTED)?;
        let value = bytes_of(value.as_ref());
        let status = with_nul::<64, _>(key, |key| {
            // SAFETY: the table lives for ever, and both are borrowed during the call.
            unsafe { (log.note)(self.host.table(), self.id, key, value) }
        });
        status.map_or(Err(Error::INVALID), done)
    }

    /// The request's traceparent (W3C Trace Context). `None`: it has none that is valid, or the host does not read it.
    pub fn trace(&self) -> Option<Trace<'a>> {
        let log = self.host.log_table()?;
        let empty = bytes_of(&[]);
        let mut trace = raw::outrider_trace {
            size: size_of::<raw::outrider_trace>() as u32,
            present: 0,
            version: 0,
            flags: 0,
            trace_id: [0; 16],
            parent_id: [0; 8],
            trace_id_text: empty,
            parent_id_text: empty,
        };
        // SAFETY: as above.
        done(unsafe { (log.trace)(self.host.table(), self.id, &mut trace) }).ok()?;
        Some(Trace { trace, borrowed: PhantomData }).filter(|trace| trace.trace.present != 0)
    }

    /// What is known of the client's TLS. `None`: the connection is not TLS.
    pub fn tls(&self) -> Option<Tls<'a>> {
        // SAFETY: this is the thread of the exchange, and the result lives as long as the head.
        unsafe { (self.host.table().tls)(self.host.table(), self.id).as_ref() }.map(|tls| Tls { tls })
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }
}

/// The traceparent of a request.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    trace: raw::outrider_trace,
    borrowed: PhantomData<&'a [u8]>,
}

impl<'a> Trace<'a> {
    /// The id of the trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace.trace_id
    }

    /// The id of the client's span.
    pub fn parent_id(&self) -> [u8; 8] {
        self.trace.parent_id
    }

    /// The id of the trace: 32 lower-case digits.
    pub fn trace_id_text(&self) -> &'a [u8] {
        // SAFETY: the text lives as long as the head.
        unsafe { as_bytes(self.trace.trace_id_text) }
    }

    /// The id of the client's span: 16 lower-case digits.
    pub fn parent_id_text(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { as_bytes(self.trace.parent_id_text) }
    }

    /// The client records the trace.
    pub fn is_sampled(&self) -> bool {
        self.trace.flags & raw::TRACE_SAMPLED != 0
    }
}

/// What is known of the TLS connection between the client and this server. Bytes that the client did not supply are empty.
#[derive(Clone, Copy)]
pub struct Tls<'a> {
    tls: &'a sys::outrider_tls,
}

impl<'a> Tls<'a> {
    /// `TLSv1.3` or `TLSv1.2`.
    pub fn version(&self) -> &'a [u8] {
        // SAFETY: as for all bytes here: they live as long as the head.
        unsafe { as_bytes(self.tls.version) }
    }

    /// The name in IANA's registry: `TLS_AES_128_GCM_SHA256`.
    pub fn cipher(&self) -> &'a [u8] {
        unsafe { as_bytes(self.tls.cipher) }
    }

    /// The name that the client has asked for (SNI, RFC 6066 section 3).
    pub fn server_name(&self) -> &'a [u8] {
        unsafe { as_bytes(self.tls.server_name) }
    }

    /// The negotiated protocol (RFC 7301): `h2` or `http/1.1`.
    pub fn alpn(&self) -> &'a [u8] {
        unsafe { as_bytes(self.tls.alpn) }
    }

    /// The subject of the verified client certificate.
    pub fn client_subject(&self) -> &'a [u8] {
        unsafe { as_bytes(self.tls.client_subject) }
    }

    /// The SHA-256 of the client's certificate in DER: 64 lower-case hexadecimal digits.
    pub fn client_sha256(&self) -> &'a [u8] {
        unsafe { as_bytes(self.tls.client_sha256) }
    }

    /// The client's certificates in DER, its own first. Of a session that was resumed, that one alone.
    pub fn client_chain(&self) -> impl Iterator<Item = &'a [u8]> {
        let tls = self.tls;
        (0..tls.n_client_chain).map(move |index| unsafe { as_bytes(*tls.client_chain.add(index)) })
    }

    /// The subject alternative names of the client's own certificate; the name of each is its kind: `dns`, `email`, `uri` or
    /// `ip`.
    pub fn client_names(&self) -> &'a [Field<'a>] {
        unsafe { fields_of(self.tls.client_names, self.tls.n_client_names) }
    }

    /// The session was resumed.
    pub fn is_resumed(&self) -> bool {
        self.tls.flags & sys::TLS_RESUMED != 0
    }
}
