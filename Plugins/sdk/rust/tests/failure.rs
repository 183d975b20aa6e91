//! Which status and which line of the log an error becomes.

use outrider::{Error, Failure, Refused};
use std::fmt;
use std::io;

/// An error of the plugin's own, with a cause.
#[derive(Debug)]
struct Wrapped<E>(E);

impl<E> fmt::Display for Wrapped<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no answer")
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Wrapped<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_message_has_all_causes() {
    let failure = Failure::from(Wrapped(Wrapped(io::Error::new(io::ErrorKind::Other, "no room"))));
    assert_eq!((failure.error(), failure.message()), (Error::FAILED, Some("no answer: no answer: no room")));
    assert_eq!(Failure::new("text").message(), Some("text"));
}

#[test]
fn a_status_is_found_among_the_causes() {
    let failure = Failure::from(Wrapped(Error::LIMIT));
    assert_eq!(failure.error(), Error::LIMIT);
    assert_eq!(failure.message(), Some("no answer: a configured limit is reached (OUTRIDER_E_LIMIT)"));
    assert_eq!(Failure::from(io::Error::new(io::ErrorKind::Other, Error::LIMIT)).error(), Error::LIMIT);
    assert_eq!(Failure::from(Refused { error: Error::AGAIN, value: vec![0u8] }).error(), Error::AGAIN);
}

#[test]
fn the_end_of_an_exchange_is_not_logged() {
    for error in [Error::CLOSED, Error::CANCELLED] {
        for failure in [
            Failure::from(error),
            Failure::from(Wrapped(error)),
            Failure::from(io::Error::new(io::ErrorKind::Other, error)),
            Failure::from(Wrapped(io::Error::new(io::ErrorKind::Other, error))),
        ] {
            assert_eq!((failure.error(), failure.message()), (error, None));
        }
    }
}
