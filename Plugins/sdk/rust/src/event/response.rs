//! A response in parts, in event style.

use crate::field::Field;
use crate::refused::Refused;
use crate::send::Sender;
use crate::status::{Accepted, Error};
use std::fs::File;
use std::mem::ManuallyDrop;

/// A response whose head is sent. `[any-thread]` If it is dropped before its end, it is cut off, so that the client can tell.
///
/// After [`Accepted::Paused`], wait for [`Event::Resumed`](super::Event::Resumed) before more is written. After
/// [`Error::AGAIN`], nothing was accepted, and the same event follows.
pub struct Response {
    sender: Sender,
    ends_with_trailers: bool,
    content_has_ended: bool,
    is_cut_off: bool,
}

impl Response {
    pub(super) fn new(sender: Sender, ends_with_trailers: bool) -> Response {
        Response { sender, ends_with_trailers, content_has_ended: false, is_cut_off: false }
    }

    /// Sends a part of the content, which the host copies.
    ///
    /// [`Error::INVALID`]: more bytes than content-length allows. [`Error::LIMIT`]: more than `limits.output`.
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Accepted, Error> {
        self.sender.content(bytes.as_ref(), true)
    }

    /// The same; when the kernel has the bytes, [`Event::Sent`](super::Event::Sent) comes with the tag, which is not 0.
    pub fn write_tagged(&mut self, bytes: impl AsRef<[u8]>, tag: u64) -> Result<Accepted, Error> {
        self.sender.tagged_content(bytes.as_ref(), tag)
    }

    /// The same with bytes of any number, which the host does not copy but keeps.
    pub fn write_owned(&mut self, bytes: Vec<u8>) -> Result<Accepted, Refused<Vec<u8>>> {
        self.sender.owned_content(bytes)
    }

    /// Sends `length` bytes of a regular file, starting at `offset`. The host closes the file. If it cannot be read or is
    /// too short, the response is cut off, and [`Event::Disconnected`](super::Event::Disconnected) follows.
    pub fn send_file(&mut self, file: File, offset: u64, length: u64) -> Result<Accepted, Refused<File>> {
        self.sender.file(file, offset, length)
    }

    /// Ends the response. After [`Error::AGAIN`], it comes back to be ended later; dropped, it is cut off.
    pub fn finish(self) -> Result<(), Refused<Response>> {
        self.end(&[])
    }

    /// Ends the response with trailer fields. It was begun by [`start_with_trailers`](super::Responder::start_with_trailers).
    pub fn trailers(self, fields: &[Field<'_>]) -> Result<(), Refused<Response>> {
        self.end(fields)
    }

    fn end(mut self, trailers: &[Field<'_>]) -> Result<(), Refused<Response>> {
        match self.try_end(trailers) {
            Ok(()) => {
                let _ = ManuallyDrop::new(self);
                Ok(())
            }
            Err(error) => Err(Refused { error, value: self }),
        }
    }

    fn try_end(&mut self, trailers: &[Field<'_>]) -> Result<(), Error> {
        if !self.content_has_ended {
            let ended = self.sender.content(&[], false);
            // The host has cut off a response that ends short of its content-length.
            self.is_cut_off = ended == Err(Error::INVALID);
            ended?;
            self.content_has_ended = true;
        }
        if self.ends_with_trailers || !trailers.is_empty() {
            self.sender.trailers(trailers)?;
        }
        Ok(())
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        if !self.is_cut_off {
            self.sender.abort(Error::FAILED);
        }
    }
}
