//! The begin of the worker's end.

use super::state::State;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`Request::draining`](super::Request::draining).
#[must_use = "futures do nothing unless they are awaited"]
pub struct Draining<'a> {
    state: &'a State,
}

impl<'a> Draining<'a> {
    pub(super) fn new(state: &'a State) -> Draining<'a> {
        Draining { state }
    }
}

impl Future for Draining<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.state.is_draining.get() || self.state.sender.host.is_draining() {
            Poll::Ready(())
        } else {
            self.state.draining.wait(context)
        }
    }
}
