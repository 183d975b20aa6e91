//! What the loop knows of the exchange of a task.

use crate::send::Sender;
use crate::status::Error;
use crate::websocket::OwnedMessage;
use std::cell::Cell;
use std::task::{Context, Poll, Waker};

/// How far the response is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No head was sent.
    Head,
    /// The head was sent.
    Content,
    /// A WebSocket is open.
    WebSocket,
    /// Nothing is left to be sent: the response is complete, cut off, or no longer wanted.
    Over,
}

/// A piece of the request's content.
pub(super) enum Piece {
    /// The host's bytes, during its event.
    Borrowed(*const u8, usize),
    /// A copy, of which so many bytes have been read.
    Owned(Vec<u8>, usize),
}

/// Someone who waits.
#[derive(Default)]
pub(super) struct Waiter(Cell<Option<Waker>>);

impl Waiter {
    /// Waits, until `wake`.
    pub(super) fn wait<T>(&self, context: &Context<'_>) -> Poll<T> {
        let waker = match self.0.take() {
            Some(waker) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        self.0.set(Some(waker));
        Poll::Pending
    }

    /// Nobody waits any more.
    #[inline]
    fn forget(&self) {
        drop(self.0.take());
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// What the client of a WebSocket has sent and the task has not taken.
pub(super) enum Received {
    Message(OwnedMessage),
    Closed { code: u16, reason: String },
}

/// The exchange of a task. `[loop]`
pub(super) struct State {
    pub(super) sender: Sender,
    pub(super) phase: Cell<Phase>,
    /// The content that has come and was not read.
    pub(super) piece: Cell<Option<Piece>>,
    /// A piece was asked for.
    pub(super) is_asked: Cell<bool>,
    /// The whole content has come.
    pub(super) has_ended: Cell<bool>,
    pub(super) content: Waiter,
    /// What the client of a WebSocket has sent.
    pub(super) websocket: Cell<Option<Box<Received>>>,
    /// No more is to be sent until there is room.
    pub(super) is_paused: Cell<bool>,
    pub(super) room: Waiter,
    pub(super) is_draining: Cell<bool>,
    pub(super) draining: Waiter,
}

impl State {
    pub(super) fn new(sender: Sender) -> State {
        State {
            sender,
            phase: Cell::new(Phase::Head),
            piece: Cell::new(None),
            is_asked: Cell::new(false),
            has_ended: Cell::new(false),
            content: Waiter::default(),
            websocket: Cell::new(None),
            is_paused: Cell::new(false),
            room: Waiter::default(),
            is_draining: Cell::new(false),
            draining: Waiter::default(),
        }
    }

    /// Forgets who waits: a task whose state has its own waker would never be freed.
    #[inline]
    pub(super) fn forget_waiters(&self) {
        self.content.forget();
        self.room.forget();
        self.draining.forget();
    }

    /// Ends the exchange, unless it has ended: with the server's own page, or by cutting the response off.
    pub(super) fn fail(&self, reason: Error) {
        match self.phase.replace(Phase::Over) {
            Phase::Over => {}
            Phase::WebSocket => {
                // A refusal means that the exchange is over.
                let _ = self.sender.close_websocket(crate::websocket::INTERNAL_ERROR, "");
            }
            _ => self.sender.abort(reason),
        }
    }

    /// Makes the host's bytes, if they are still there, bytes of the task's own.
    ///
    /// # Safety
    /// Called while the event with the bytes lasts.
    pub(super) unsafe fn keep_piece(&self) {
        self.piece.set(match self.piece.take() {
            Some(Piece::Borrowed(data, size)) => Some(Piece::Owned(std::slice::from_raw_parts(data, size).to_vec(), 0)),
            piece => piece,
        });
    }
}
