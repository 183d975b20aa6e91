//! The content of a request of an async handler.

use super::state::{Piece, State};
use crate::poll_fn::poll_fn;
use crate::status::Error;
use std::task::{Context, Poll};

/// The content of a request. `[loop]` The first read sends 100 (Continue) if the client waits for it.
///
/// A read that is dropped loses nothing. If the client leaves, or its content is larger than `limits.body`, the handler's
/// future is dropped.
pub struct Body<'a> {
    state: &'a State,
}

impl<'a> Body<'a> {
    pub(super) fn new(state: &'a State) -> Body<'a> {
        Body { state }
    }

    /// Waits for the next piece, and calls `take` with it where the host has it. `None`: the content has ended.
    pub async fn next<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        let mut take = Some(take);
        poll_fn(|context| {
            self.poll_with(context, |piece| match take.take() {
                Some(take) => (take(piece), piece.len()),
                None => unreachable!("polled after its end"),
            })
        })
        .await
    }

    /// Reads into the buffer, and returns the number of bytes: 0 is the end, unless the buffer is empty.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        poll_fn(|context| self.poll_read(context, buffer)).await
    }

    /// Reads everything, at most `limit` bytes. `None`: there is more.
    pub async fn read_all(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut content = Vec::new();
        loop {
            let fits = self.next(|piece| {
                let fits = piece.len() <= limit - content.len();
                if fits {
                    content.extend_from_slice(piece);
                }
                fits
            });
            match fits.await? {
                None => return Ok(Some(content)),
                Some(true) => {}
                Some(false) => return Ok(None),
            }
        }
    }

    /// As [`read`](Body::read), for traits of other crates.
    pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, Error>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let read = self.poll_with(context, |piece| {
            let size = piece.len().min(buffer.len());
            buffer[..size].copy_from_slice(&piece[..size]);
            (size, size)
        });
        read.map(|result| result.map(Option::unwrap_or_default))
    }

    /// Calls `take` with a piece. It returns its result, and the number of bytes that it has taken.
    fn poll_with<R>(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> (R, usize),
    ) -> Poll<Result<Option<R>, Error>> {
        let state = self.state;
        match state.piece.take() {
            Some(Piece::Borrowed(data, size)) => {
                // SAFETY: the event with the bytes lasts: afterwards they are Owned.
                let bytes = unsafe { std::slice::from_raw_parts(data, size) };
                let (result, taken) = take(bytes);
                if taken < size {
                    state.piece.set(Some(Piece::Owned(bytes[taken..].to_vec(), 0)));
                }
                Poll::Ready(Ok(Some(result)))
            }
            Some(Piece::Owned(bytes, read)) => {
                let (result, taken) = take(&bytes[read..]);
                if read + taken < bytes.len() {
                    state.piece.set(Some(Piece::Owned(bytes, read + taken)));
                }
                Poll::Ready(Ok(Some(result)))
            }
            None if state.has_ended.get() => Poll::Ready(Ok(None)),
            None => {
                if !state.is_asked.replace(true) {
                    if let Err(error) = state.sender.receive(1) {
                        return Poll::Ready(Err(error));
                    }
                }
                state.content.wait(context)
            }
        }
    }
}
