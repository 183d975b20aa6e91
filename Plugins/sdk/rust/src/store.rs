//! State that all workers of the service share, for rate limits, caches and flags.
//!
//! Keys have 1 to 255 bytes, values at most 65,536. The keys of each `[[plugin]]` entry are its own. A value may have a time
//! to live; those without one are never evicted. Each call is atomic, works on any thread of a worker, and takes a few
//! microseconds.

use crate::bytes::bytes_of;
use crate::host::Host;
use crate::status::{done, Error};
use crate::sys::{self, outrider_status, store as raw};
use std::time::Duration;

/// The store of this entry; see [`Host::store`].
///
/// Every call may return [`Error::UNSUPPORTED`] (`store.size` is 0), [`Error::INVALID`] (a key or a value is too long),
/// [`Error::AGAIN`] (another worker was stopped during a call), [`Error::IO`] (a faulty plugin has overwritten a part of the
/// store, which has been emptied), or [`Error::STATE`] (in the master).
#[derive(Clone, Copy)]
pub struct Store {
    host: Host,
    table: &'static raw::outrider_store,
}

/// A value that was copied into a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Its size. If it is larger than the buffer, nothing was copied.
    pub size: usize,
    /// The time until it expires. `None`: never.
    pub left: Option<Duration>,
}

fn ns(ttl: Option<Duration>) -> u64 {
    // 0 means for ever, so the shortest time is one nanosecond.
    ttl.map_or(0, |ttl| u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX).max(1))
}

/// False: the condition was not met, or there was no such key.
fn is_met(status: outrider_status) -> Result<bool, Error> {
    done(status).map(|()| status != sys::SKIPPED)
}

impl Host {
    /// The store. `None`: this host has none.
    pub fn store(&self) -> Option<Store> {
        // SAFETY: the extension has this table.
        unsafe { self.extension(raw::STORE) }.map(|table| Store { host: *self, table })
    }
}

impl Store {
    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let key = key.as_ref();
        let mut buffer = vec![0; 256];
        loop {
            match self.get_into(key, &mut buffer)? {
                None => return Ok(None),
                Some(copied) if copied.size <= buffer.len() => {
                    buffer.truncate(copied.size);
                    return Ok(Some(buffer));
                }
                // It may have grown meanwhile.
                Some(copied) => buffer.resize(copied.size, 0),
            }
        }
    }

    /// Copies the value of a key into a buffer, without an allocation.
    pub fn get_into(&self, key: impl AsRef<[u8]>, buffer: &mut [u8]) -> Result<Option<Copied>, Error> {
        let (mut size, mut left) = (0, 0);
        // SAFETY: as for all calls of the store: its table lives for ever, and what is passed is borrowed during the call.
        let status = unsafe {
            (self.table.get)(
                self.host.table(),
                bytes_of(key.as_ref()),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &mut size,
                &mut left,
            )
        };
        if status == sys::E_LIMIT || is_met(status)? {
            let left = Some(Duration::from_nanos(left)).filter(|left| !left.is_zero());
            Ok(Some(Copied { size, left }))
        } else {
            Ok(None)
        }
    }

    /// Sets the value of a key. [`Error::LIMIT`]: there is no room.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, ttl: Option<Duration>) -> Result<(), Error> {
        // SAFETY: as above.
        done(unsafe { (self.table.set)(self.host.table(), bytes_of(key.as_ref()), bytes_of(value.as_ref()), ns(ttl)) })
    }

    /// Sets the value of a key if it is `expected`; `None`: if there is no such key. False: it is not, and nothing has
    /// changed.
    pub fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<bool, Error> {
        let expected = expected.map(bytes_of);
        // SAFETY: as above.
        is_met(unsafe {
            (self.table.compare_and_set)(
                self.host.table(),
                bytes_of(key.as_ref()),
                expected.as_ref().map_or(std::ptr::null(), |expected| expected),
                bytes_of(value.as_ref()),
                ns(ttl),
            )
        })
    }

    /// Adds to a counter, and returns the sum, which wraps around. A new counter starts at 0 and expires after `ttl`; one that
    /// exists keeps its time. [`Error::STATE`]: the value is not a counter.
    pub fn add(&self, key: impl AsRef<[u8]>, amount: i64, ttl: Option<Duration>) -> Result<i64, Error> {
        let mut sum = 0;
        // SAFETY: as above.
        done(unsafe { (self.table.add)(self.host.table(), bytes_of(key.as_ref()), amount, ns(ttl), &mut sum) })?;
        Ok(sum)
    }

    /// Deletes a key. False: there was none.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        // SAFETY: as above.
        is_met(unsafe { (self.table.remove)(self.host.table(), bytes_of(key.as_ref())) })
    }

    /// The keys that begin with a prefix, in no particular order. A key that exists all the while comes exactly once.
    pub fn keys<'a>(&self, prefix: &'a [u8]) -> Keys<'a> {
        Keys { store: *self, prefix, cursor: 0 }
    }
}

/// The iterator of [`Store::keys`].
pub struct Keys<'a> {
    store: Store,
    prefix: &'a [u8],
    cursor: u64,
}

impl Iterator for Keys<'_> {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut key = vec![0; raw::MAX_KEY as usize];
        let mut size = 0;
        // SAFETY: as above.
        let status = unsafe {
            (self.store.table.next)(
                self.store.host.table(),
                bytes_of(self.prefix),
                &mut self.cursor,
                key.as_mut_ptr().cast(),
                key.len(),
                &mut size,
            )
        };
        match is_met(status) {
            Ok(true) => {
                key.truncate(size);
                Some(Ok(key))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
