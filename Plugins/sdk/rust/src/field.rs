//! Fields of requests and responses.

use crate::bytes::{as_bytes, bytes_of};
use crate::sys;
use std::fmt;
use std::marker::PhantomData;

/// A field line (RFC 9110 section 5): a name and a value, borrowed for `'a`.
///
/// A field that is sent has a token as its name, and a value without control characters except HTAB, and without white
/// space at its ends. A call with another one returns [`Error::INVALID`](crate::Error::INVALID) and sends nothing. A field
/// that was received has its name as the client sent it, in lower case over HTTP/2.
///
/// ```
/// use outrider::Field;
/// const PLAIN: &[Field] = &[Field::new("content-type", "text/plain")];
/// assert_eq!(PLAIN[0].value(), b"text/plain");
/// ```
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Field<'a> {
    field: sys::outrider_field,
    borrowed: PhantomData<&'a [u8]>,
}

// SAFETY: a field is two shared slices.
unsafe impl Send for Field<'_> {}
unsafe impl Sync for Field<'_> {}

impl<'a> Field<'a> {
    /// A field whose value is text.
    pub const fn new(name: &'a str, value: &'a str) -> Field<'a> {
        Field::of_bytes(name, value.as_bytes())
    }

    /// A field whose value is bytes, which may be above ASCII.
    pub const fn of_bytes(name: &'a str, value: &'a [u8]) -> Field<'a> {
        Field {
            field: sys::outrider_field { name: bytes_of(name.as_bytes()), value: bytes_of(value) },
            borrowed: PhantomData,
        }
    }

    /// The name, in the case in which it was received.
    pub fn name(&self) -> &'a [u8] {
        // SAFETY: the bytes are borrowed for 'a.
        unsafe { as_bytes(self.field.name) }
    }

    /// The value.
    pub fn value(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { as_bytes(self.field.value) }
    }

    /// Whether the field has that name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }
}

/// What maps of fields iterate over, such as the `HeaderMap` of the crate `http`:
///
/// ```
/// use outrider::Field;
/// let map = [("content-type", b"text/plain".to_vec()), ("x-count", b"1".to_vec())];
/// let fields: Vec<_> = map.iter().map(|(name, value)| Field::from((name, value))).collect();
/// assert_eq!(fields[1].value(), b"1");
/// ```
impl<'a, N: AsRef<str> + ?Sized, V: AsRef<[u8]> + ?Sized> From<(&'a N, &'a V)> for Field<'a> {
    fn from((name, value): (&'a N, &'a V)) -> Field<'a> {
        Field::of_bytes(name.as_ref(), value.as_ref())
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", String::from_utf8_lossy(self.name()), String::from_utf8_lossy(self.value()))
    }
}

/// The value of the first field of that name, in any case.
pub fn value_of<'a>(fields: &[Field<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.is(name)).map(Field::value)
}

/// The fields as the host reads them.
#[inline]
pub(crate) fn raw(fields: &[Field<'_>]) -> *const sys::outrider_field {
    fields.as_ptr().cast()
}

/// The host's fields.
///
/// # Safety
/// `fields` points to `n` fields that live for `'a`; it may be NULL if `n` is 0.
pub(crate) unsafe fn fields_of<'a>(fields: *const sys::outrider_field, n: usize) -> &'a [Field<'a>] {
    if n == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(fields.cast(), n)
    }
}
