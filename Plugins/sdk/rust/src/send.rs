//! The events that a plugin sends, as functions. Any thread may call them; they never block.

use crate::bytes::bytes_of;
use crate::field::{raw, Field};
use crate::host::Host;
use crate::refused::Refused;
use crate::status::{accepted, done, Accepted, Error};
use crate::sys::{self, outrider_exchange, outrider_release};
use std::ffi::c_void;
use std::fs::File;
use std::mem::size_of;
use std::os::unix::io::{AsRawFd, FromRawFd, IntoRawFd};
use std::ptr::null_mut;

/// One exchange of the event style.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) host: Host,
    pub(crate) exchange: outrider_exchange,
}

impl Sender {
    #[inline]
    pub(crate) fn informational(&self, status: u32, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        let host = self.host.table();
        // SAFETY: the host's table lives for ever, and the fields are borrowed during the call.
        accepted(unsafe { (host.send_informational)(host, self.exchange, status, raw(fields), fields.len()) })
    }

    /// A whole response. The host copies the content, which must not be larger than `limits.output`.
    #[inline]
    pub(crate) fn response(&self, status: u32, fields: &[Field<'_>], content: &[u8]) -> Result<(), Error> {
        let host = self.host.table();
        // SAFETY: as above, and so is the content.
        let result = done(unsafe {
            (host.send_response)(host, self.exchange, status, raw(fields), fields.len(), bytes_of(content))
        });
        if result == Err(Error::AGAIN) {
            return self.lent_response(status, fields, content);
        }
        result
    }

    /// The host copies nothing while other streams of the connection fill the queue, but keeps what is lent to it.
    #[cold]
    fn lent_response(&self, status: u32, fields: &[Field<'_>], content: &[u8]) -> Result<(), Error> {
        self.owned_response(status, fields, content.to_vec())
    }

    /// A whole response whose content the host keeps until it is sent, whatever its size.
    pub(crate) fn owned_response(&self, status: u32, fields: &[Field<'_>], content: Vec<u8>) -> Result<(), Error> {
        let sent = with_owned(content, |content, release, context| {
            let event = sys::outrider_response_event {
                size: size_of::<sys::outrider_response_event>() as u32,
                type_: sys::EVENT_RESPONSE,
                tag: 0,
                status,
                flags: 0,
                fields: raw(fields),
                n_fields: fields.len(),
                body: content,
                release,
                context,
            };
            // SAFETY: the event begins as every event does, and its content stays until release is called.
            unsafe { self.event(&event) }
        });
        sent.map(drop).map_err(|refused| refused.error)
    }

    #[inline]
    pub(crate) fn start(&self, status: u32, fields: &[Field<'_>], flags: u32) -> Result<Accepted, Error> {
        let host = self.host.table();
        // SAFETY: as above.
        accepted(unsafe { (host.send_start)(host, self.exchange, status, raw(fields), fields.len(), flags) })
    }

    /// A part of the content, which the host copies. `more` is false for the last one.
    #[inline]
    pub(crate) fn content(&self, bytes: &[u8], more: bool) -> Result<Accepted, Error> {
        let host = self.host.table();
        // SAFETY: as above.
        accepted(unsafe { (host.send_body)(host, self.exchange, bytes_of(bytes), more.into()) })
    }

    /// The same, with a tag that comes back when the kernel has the bytes.
    pub(crate) fn tagged_content(&self, bytes: &[u8], tag: u64) -> Result<Accepted, Error> {
        // SAFETY: the event begins as every event does, and the bytes are borrowed during the call.
        unsafe { self.event(&body_event(bytes_of(bytes), true, tag, None, null_mut())) }
    }

    /// A part of the content that the host keeps until it is sent, whatever its size.
    pub(crate) fn owned_content(&self, bytes: Vec<u8>) -> Result<Accepted, Refused<Vec<u8>>> {
        with_owned(bytes, |bytes, release, context| {
            // SAFETY: the event begins as every event does, and the bytes stay until release is called.
            unsafe { self.event(&body_event(bytes, true, 0, release, context)) }
        })
    }

    /// A part of the content from a file, which the host closes when it has been sent.
    pub(crate) fn file(&self, file: File, offset: u64, length: u64) -> Result<Accepted, Refused<File>> {
        let event = sys::outrider_file_event {
            size: size_of::<sys::outrider_file_event>() as u32,
            type_: sys::EVENT_FILE,
            tag: 0,
            fd: file.as_raw_fd(),
            more: 1,
            offset,
            length,
            release: Some(close_file),
            context: file.as_raw_fd() as usize as *mut c_void,
        };
        // SAFETY: the event begins as every event does, and the file stays open until release is called.
        match unsafe { self.event(&event) } {
            Ok(accepted) => {
                // close_file() has it, and has perhaps closed it.
                let _ = file.into_raw_fd();
                Ok(accepted)
            }
            Err(error) => Err(Refused { error, value: file }),
        }
    }

    pub(crate) fn trailers(&self, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        let host = self.host.table();
        // SAFETY: as above.
        accepted(unsafe { (host.send_trailers)(host, self.exchange, raw(fields), fields.len()) })
    }

    /// Ends an exchange that cannot be completed. A refusal means that it has ended otherwise.
    pub(crate) fn abort(&self, reason: Error) {
        let host = self.host.table();
        // SAFETY: as above.
        let _ = unsafe { (host.send_abort)(host, self.exchange, reason.status()) };
    }

    /// Allows so many more pieces of the request's content.
    pub(crate) fn receive(&self, credit: u32) -> Result<(), Error> {
        let host = self.host.table();
        // SAFETY: as above.
        done(unsafe { (host.receive)(host, self.exchange, credit) })
    }

    /// # Safety
    /// `E` begins as every event does, and what it points to lives as outrider.h says.
    pub(crate) unsafe fn event<E>(&self, event: &E) -> Result<Accepted, Error> {
        let host = self.host.table();
        accepted((host.send)(host, self.exchange, (event as *const E).cast()))
    }
}

pub(crate) fn body_event(
    bytes: sys::outrider_bytes,
    more: bool,
    tag: u64,
    release: Option<outrider_release>,
    context: *mut c_void,
) -> sys::outrider_body_event {
    sys::outrider_body_event {
        size: size_of::<sys::outrider_body_event>() as u32,
        type_: sys::EVENT_BODY,
        tag,
        bytes,
        more: more.into(),
        flags: 0,
        release,
        context,
    }
}

/// Lends the host a vector. If the host refuses the event, the vector comes back.
pub(crate) fn with_owned(
    vector: Vec<u8>,
    send: impl FnOnce(sys::outrider_bytes, Option<outrider_release>, *mut c_void) -> Result<Accepted, Error>,
) -> Result<Accepted, Refused<Vec<u8>>> {
    let owned = Box::new(vector);
    let bytes = bytes_of(&owned);
    let context: *mut c_void = Box::into_raw(owned).cast();
    send(bytes, Some(drop_vector), context).map_err(|error| {
        // SAFETY: release is not called for an event that is rejected.
        Refused { error, value: *unsafe { Box::from_raw(context.cast::<Vec<u8>>()) } }
    })
}

unsafe extern "C" fn drop_vector(context: *mut c_void) {
    drop(Box::from_raw(context.cast::<Vec<u8>>()));
}

unsafe extern "C" fn close_file(context: *mut c_void) {
    drop(File::from_raw_fd(context as usize as i32));
}
