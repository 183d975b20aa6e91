//! The statuses of calls: what was accepted, and why a call was refused.

use crate::sys::{self, outrider_status};
use std::fmt;
use std::num::NonZeroI32;

/// How a call was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// The host has it, and sends it.
    Sent,
    /// The call is valid here, but nothing is sent: a 103 to HTTP/1.0, or content for HEAD.
    Skipped,
    /// The host has it. Send no more of the content until there is room again.
    Paused,
}

/// Why the host has refused a call: nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Error(NonZeroI32);

impl Error {
    /// The call is not allowed at this point of the exchange.
    pub const STATE: Error = Error::of(sys::E_STATE);
    /// An argument is malformed: a field's name or value, a status, a length.
    pub const INVALID: Error = Error::of(sys::E_INVALID);
    /// The exchange is over, or the client has left.
    pub const CLOSED: Error = Error::of(sys::E_CLOSED);
    /// The host has ended the exchange: a deadline has passed, or the worker must stop.
    pub const CANCELLED: Error = Error::of(sys::E_CANCELLED);
    /// This host, protocol or style has no such call.
    pub const UNSUPPORTED: Error = Error::of(sys::E_UNSUPPORTED);
    /// A configured limit is reached: repeating the call does not help.
    pub const LIMIT: Error = Error::of(sys::E_LIMIT);
    /// The queue is full: repeat the call when there is room again.
    pub const AGAIN: Error = Error::of(sys::E_AGAIN);
    /// The calling thread is the wrong one.
    pub const THREAD: Error = Error::of(sys::E_THREAD);
    /// A file could not be read, or a system call has failed.
    pub const IO: Error = Error::of(sys::E_IO);
    /// The plugin itself has failed.
    pub const FAILED: Error = Error::of(sys::E_FAILED);

    const fn of(status: outrider_status) -> Error {
        match NonZeroI32::new(status) {
            Some(status) => Error(status),
            None => panic!("a status that is no failure"),
        }
    }

    /// The negative status, as `outrider.h` numbers it.
    #[inline]
    pub fn status(self) -> i32 {
        self.0.get()
    }

    /// Whether the response is no longer wanted. Such an error is nobody's fault, and is not logged.
    pub fn is_end(self) -> bool {
        self == Error::CLOSED || self == Error::CANCELLED
    }

    /// A status that is not negative becomes `FAILED`.
    pub(crate) fn from_status(status: outrider_status) -> Error {
        if status < 0 {
            Error::of(status)
        } else {
            Error::FAILED
        }
    }

    fn description(self) -> (&'static str, &'static str) {
        match self {
            Error::STATE => ("OUTRIDER_E_STATE", "not allowed at this point of the exchange"),
            Error::INVALID => ("OUTRIDER_E_INVALID", "an argument is malformed"),
            Error::CLOSED => ("OUTRIDER_E_CLOSED", "the exchange is over, or the client has left"),
            Error::CANCELLED => ("OUTRIDER_E_CANCELLED", "the deadline has passed, or the worker must stop"),
            Error::UNSUPPORTED => ("OUTRIDER_E_UNSUPPORTED", "not supported by this host, protocol or style"),
            Error::LIMIT => ("OUTRIDER_E_LIMIT", "a configured limit is reached"),
            Error::AGAIN => ("OUTRIDER_E_AGAIN", "the queue is full"),
            Error::THREAD => ("OUTRIDER_E_THREAD", "called on the wrong thread"),
            Error::IO => ("OUTRIDER_E_IO", "a file could not be read, or a system call has failed"),
            Error::FAILED => ("OUTRIDER_E_FAILED", "the plugin has failed"),
            _ => ("a status of a later version", "refused"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, meaning) = self.description();
        write!(formatter, "{} ({})", meaning, name)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.description().0, self.0)
    }
}

impl std::error::Error for Error {}

/// What the status of a call says.
#[inline]
pub(crate) fn accepted(status: outrider_status) -> Result<Accepted, Error> {
    match status {
        sys::OK => Ok(Accepted::Sent),
        sys::SKIPPED => Ok(Accepted::Skipped),
        sys::PAUSE => Ok(Accepted::Paused),
        status if status < 0 => Err(Error::of(status)),
        _ => Ok(Accepted::Sent),
    }
}

/// The same for calls whose success has no qualification.
#[inline]
pub(crate) fn done(status: outrider_status) -> Result<(), Error> {
    match NonZeroI32::new(status) {
        Some(status) if status.get() < 0 => Err(Error(status)),
        _ => Ok(()),
    }
}
