//! `std::future::poll_fn`, which Rust has from 1.64 on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) fn poll_fn<T, F: FnMut(&mut Context<'_>) -> Poll<T>>(poll: F) -> PollFn<F> {
    PollFn(poll)
}

pub(crate) struct PollFn<F>(F);

// The function is never pinned.
impl<F> Unpin for PollFn<F> {}

impl<T, F: FnMut(&mut Context<'_>) -> Poll<T>> Future for PollFn<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        (self.0)(context)
    }
}
