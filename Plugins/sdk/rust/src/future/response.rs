//! A response in parts, of an async handler.

use super::state::{Phase, State};
use super::task::Header;
use crate::field::Field;
use crate::host::Host;
use crate::poll_fn::poll_fn;
use crate::refused::Refused;
use crate::responded::Responded;
use crate::status::{Accepted, Error};
use std::fs::File;
use std::task::{Context, Poll};

/// A response whose head is sent. `[loop]` It ends by [`finish`](Response::finish) or [`trailers`](Response::trailers). If the
/// handler fails instead, it is cut off, so that the client can tell.
pub struct Response<'a> {
    header: &'a Header,
    ends_with_trailers: bool,
}

/// The most bytes that one call passes to the host.
const MAX_PART: u64 = 256 * 1024;

impl<'a> Response<'a> {
    pub(super) fn new(header: &'a Header, ends_with_trailers: bool) -> Response<'a> {
        Response { header, ends_with_trailers }
    }

    /// Sends a part of the content, which the host copies. Waits while the client is slow.
    ///
    /// [`Error::INVALID`]: more bytes than content-length allows.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let mut rest = bytes.as_ref();
        poll_fn(|context| self.poll_write_all(context, &mut rest)).await
    }

    /// The same with bytes that the host does not copy but keeps.
    pub async fn write_owned(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.until_taken(bytes, |state, bytes| state.sender.owned_content(bytes)).await
    }

    /// Sends `length` bytes of a regular file, starting at `offset`. If it cannot be read or is too short, the response is
    /// cut off, and the handler's future dropped.
    pub async fn send_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Error> {
        self.until_taken(file, |state, file| state.sender.file(file, offset, length)).await
    }

    /// Waits until the host has room for more.
    pub async fn wait_for_room(&mut self) {
        poll_fn(|context| match self.state().is_paused.get() {
            true => self.state().room.wait(context),
            false => Poll::Ready(()),
        })
        .await
    }

    /// Ends the response.
    pub async fn finish(self) -> Result<Responded, Error> {
        self.end(&[]).await
    }

    /// Ends the response with trailer fields. It was begun by
    /// [`start_with_trailers`](super::Request::start_with_trailers).
    pub async fn trailers(self, fields: &[Field<'_>]) -> Result<Responded, Error> {
        self.end(fields).await
    }

    /// Sends a part of the content, and returns how many bytes the host has taken; for traits of other crates.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        loop {
            if self.state().is_paused.get() {
                return self.state().room.wait(context);
            }
            let most = MAX_PART.min(self.header.runtime.output_limit.get().max(1)) as usize;
            let part = &bytes[..bytes.len().min(most)];
            match self.noted(self.state().sender.content(part, true)) {
                Err(Error::AGAIN) => {}
                result => return Poll::Ready(result.map(|_| part.len())),
            }
        }
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>, rest: &mut &[u8]) -> Poll<Result<(), Error>> {
        loop {
            match self.poll_write(context, rest) {
                Poll::Ready(Ok(written)) => *rest = &rest[written..],
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    async fn end(mut self, trailers: &[Field<'_>]) -> Result<Responded, Error> {
        self.when_there_is_room(|state| {
            let ended = state.sender.content(&[], false);
            if ended == Err(Error::INVALID) {
                // The host has cut off a response that ends short of its content-length.
                state.phase.set(Phase::Over);
            }
            ended
        })
        .await?;
        if self.ends_with_trailers || !trailers.is_empty() {
            self.when_there_is_room(|state| state.sender.trailers(trailers)).await?;
        }
        self.state().phase.set(Phase::Over);
        Ok(Responded(()))
    }

    async fn until_taken<T>(
        &mut self,
        mut value: T,
        send: impl Fn(&State, T) -> Result<Accepted, Refused<T>>,
    ) -> Result<(), Error> {
        loop {
            self.wait_for_room().await;
            match send(self.state(), value) {
                Err(Refused { error: Error::AGAIN, value: kept }) => {
                    self.state().is_paused.set(true);
                    value = kept;
                }
                result => return self.noted(result.map_err(|refused| refused.error)).map(drop),
            }
        }
    }

    async fn when_there_is_room(&mut self, send: impl Fn(&State) -> Result<Accepted, Error>) -> Result<(), Error> {
        loop {
            match self.noted(send(self.state())) {
                Err(Error::AGAIN) => self.wait_for_room().await,
                result => return result.map(drop),
            }
        }
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.state().sender.host
    }

    fn state(&self) -> &'a State {
        &self.header.state
    }

    /// Notes that the host has no room.
    fn noted(&self, result: Result<Accepted, Error>) -> Result<Accepted, Error> {
        if matches!(result, Ok(Accepted::Paused) | Err(Error::AGAIN)) {
            self.state().is_paused.set(true);
        }
        result
    }
}
