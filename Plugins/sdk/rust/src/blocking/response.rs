//! A response in parts, in blocking style.

use crate::bytes::bytes_of;
use crate::failure::io_error;
use crate::field::{raw, Field};
use crate::responded::Responded;
use crate::status::{accepted, done, Accepted, Error};
use crate::sys;
use std::io::{self, IoSlice};
use std::os::unix::io::AsRawFd;

/// A response that has begun. `[request-thread]` It ends by [`finish`](Response::finish) or
/// [`trailers`](Response::trailers). If the handler fails instead, the response is cut off, so that the client can tell.
///
/// [`std::io::Write`] works as well: `flush` sends a head that is still held.
pub struct Response<'a> {
    io: &'a sys::outrider_io,
    exchange: sys::outrider_exchange,
}

/// The most chunks of one call.
const MAX_CHUNKS: usize = 1024;

impl<'a> Response<'a> {
    pub(super) fn new(io: &'a sys::outrider_io, exchange: sys::outrider_exchange) -> Response<'a> {
        Response { io, exchange }
    }

    /// Sends a part of the content. Returns when the unsent rest fits into the host's bounded buffer.
    ///
    /// [`Error::INVALID`]: more bytes than content-length allows; no byte of this call is sent.
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Accepted, Error> {
        let bytes = bytes_of(bytes.as_ref());
        // SAFETY: this is the request's thread during handle(), and the bytes are borrowed during the call.
        accepted(unsafe { (self.io.write)(self.io, self.exchange, &bytes, 1) })
    }

    /// Sends `length` bytes of a regular file, starting at `offset`. The file's position is neither used nor changed.
    ///
    /// [`Error::IO`]: the file cannot be read, or is too short; the response is cut off.
    pub fn send_file(&mut self, file: &impl AsRawFd, offset: u64, length: u64) -> Result<Accepted, Error> {
        // SAFETY: as above; the descriptor is open while `file` is borrowed.
        accepted(unsafe { (self.io.sendfile)(self.io, self.exchange, file.as_raw_fd(), offset, length) })
    }

    /// Ends the response with trailer fields. [`Error`]: they are malformed or reserved.
    pub fn trailers(self, fields: &[Field<'_>]) -> Result<Responded, Error> {
        // SAFETY: as above.
        done(unsafe { (self.io.trailers)(self.io, self.exchange, raw(fields), fields.len()) })?;
        Ok(Responded(()))
    }

    /// Ends the response. It is complete when the handler returns.
    #[inline]
    pub fn finish(self) -> Responded {
        Responded(())
    }
}

impl io::Write for Response<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Response::write(self, bytes).map_err(io_error)?;
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let slices = &slices[..slices.len().min(MAX_CHUNKS)];
        if slices.is_empty() {
            return Ok(0);
        }
        // SAFETY: as above; an IoSlice is a struct iovec, which is laid out as outrider_bytes.
        accepted(unsafe { (self.io.write)(self.io, self.exchange, slices.as_ptr().cast(), slices.len()) })
            .map_err(io_error)?;
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Response::write(self, b"").map_err(io_error)?;
        Ok(())
    }
}
