//! What a handler or a hook returns when it fails.

use crate::status::Error;
use crate::sys;
use std::error::Error as StandardError;
use std::fmt::{self, Write};
use std::io;

/// Why a handler or a hook has failed. Any error becomes one by `?`.
///
/// If a handler fails before it has sent a head, the client gets the server's own page with status 500, or 504 for
/// [`Error::CANCELLED`]; afterwards, the response is cut off, so that the client can tell. The error log gets one line with
/// the message. [`Error::CLOSED`] and [`Error::CANCELLED`] are not logged: the client has left, or its time is over.
///
/// If `load`, `worker_start` or `thread_start` fails, the start or the reload is refused with the message.
pub struct Failure(Box<Reason>);

/// In a box, so that the result of a handler is one pointer.
struct Reason {
    error: Error,
    message: Option<String>,
}

impl Failure {
    /// A failure with a message for the error log.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure::from_reason(Error::FAILED, Some(message.into()))
    }

    /// A failure whose reason the operator has been told already.
    pub(crate) fn reported() -> Failure {
        Failure::from_reason(Error::INVALID, None)
    }

    /// The status that the host gets.
    pub fn error(&self) -> Error {
        self.0.error
    }

    /// The message for the error log. `None`: there is nothing to log.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    #[cold]
    fn from_reason(error: Error, message: Option<String>) -> Failure {
        Failure(Box::new(Reason { error, message }))
    }

    /// Writes the message to the operator's text of a hook, cut at a character, and gives the status.
    pub(crate) fn refuse(&self, text: &mut sys::outrider_error) -> sys::outrider_status {
        let message = match self.0.message {
            Some(ref message) => message,
            None => return self.0.error.status(),
        };
        let mut size = message.len().min(text.text.len() - 1);
        while !message.is_char_boundary(size) {
            size -= 1;
        }
        text.text[..size].copy_from_slice(&message.as_bytes()[..size]);
        text.text[size] = 0;
        self.0.error.status()
    }
}

impl<E: StandardError + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut message = error.to_string();
        let mut status = status_of(&error);
        let mut source = error.source();
        while let Some(cause) = source {
            // Writing to a String does not fail.
            let _ = write!(message, ": {}", cause);
            status = status.or_else(|| status_of(cause));
            source = cause.source();
        }
        let status = status.unwrap_or(Error::FAILED);
        Failure::from_reason(status, Some(message).filter(|_| !status.is_end()))
    }
}

/// The status of an error of this crate, also where std::io has wrapped it.
fn status_of(error: &(dyn StandardError + 'static)) -> Option<Error> {
    if let Some(wrapped) = error.downcast_ref::<io::Error>() {
        return wrapped.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).copied();
    }
    error.downcast_ref::<Error>().copied()
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message {
            Some(ref message) => write!(formatter, "Failure({:?}, {:?})", self.0.error, message),
            None => write!(formatter, "Failure({:?})", self.0.error),
        }
    }
}

/// The error of this crate as one of `std::io`.
pub(crate) fn io_error(error: Error) -> io::Error {
    let kind = match error {
        Error::CLOSED => io::ErrorKind::ConnectionAborted,
        Error::CANCELLED => io::ErrorKind::TimedOut,
        Error::INVALID | Error::STATE => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
