//! What comes back when the host takes something not.

use crate::status::Error;
use std::fmt;

/// A call that the host has refused, with what was to be taken over. After [`Error::AGAIN`], call again with it when there
/// is room.
pub struct Refused<T> {
    /// Why.
    pub error: Error,
    /// What was not taken.
    pub value: T,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Refused({:?})", self.error)
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a part of a response is refused")
    }
}

impl<T> std::error::Error for Refused<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
