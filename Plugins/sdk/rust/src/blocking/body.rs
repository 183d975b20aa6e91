//! The content of a request in blocking style.

use super::request::trailers;
use crate::failure::io_error;
use crate::field::Field;
use crate::status::{done, Error};
use crate::sys;
use std::io;

/// The content of a request. `[request-thread]` The first read sends 100 (Continue) if the client waits for it.
///
/// [`std::io::Read`] works as well; its errors carry an [`Error`], which `?` finds again.
pub struct Body<'a> {
    io: &'a sys::outrider_io,
    exchange: sys::outrider_exchange,
}

impl<'a> Body<'a> {
    pub(super) fn new(io: &'a sys::outrider_io, exchange: sys::outrider_exchange) -> Body<'a> {
        Body { io, exchange }
    }

    /// Reads into the buffer, and returns the number of bytes: 0 is the end, unless the buffer is empty.
    ///
    /// [`Error::CLOSED`]: the client has left within the content, or its framing is malformed. [`Error::LIMIT`]: the content
    /// is larger than `limits.body`.
    #[inline]
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut got = 0;
        // SAFETY: this is the request's thread during handle(), and the buffer is borrowed during the call.
        done(unsafe { (self.io.read)(self.io, self.exchange, buffer.as_mut_ptr().cast(), buffer.len(), &mut got) })?;
        Ok(got)
    }

    /// Reads everything, at most `limit` bytes. `None`: there is more.
    pub fn read_all(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut content = Vec::new();
        loop {
            let size = content.len();
            // One byte more than allowed shows that there is more.
            let room = (limit - size).saturating_add(1).min(64 * 1024);
            content.resize(size + room, 0);
            let got = self.read(&mut content[size..])?;
            content.truncate(size + got);
            if got == 0 {
                return Ok(Some(content));
            }
            if content.len() > limit {
                return Ok(None);
            }
        }
    }

    /// The trailer fields, once a read has returned 0. [`Error::STATE`]: it has not.
    pub fn trailers(&self) -> Result<&'a [Field<'a>], Error> {
        // SAFETY: 'a ends before the handler returns.
        unsafe { trailers(self.io, self.exchange) }
    }
}

impl io::Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Body::read(self, buffer).map_err(io_error)
    }
}
