//! The functions of the host that belong to no exchange.

use crate::bytes::bytes_of;
use crate::sys;

/// How grave a line of the error log is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum Level {
    /// Of use to a developer.
    Debug = sys::LOG_DEBUG,
    /// Worth knowing.
    Info = sys::LOG_INFO,
    /// Something is not as it should be.
    Warning = sys::LOG_WARNING,
    /// Something has failed.
    Error = sys::LOG_ERROR,
    /// The service is in danger.
    Critical = sys::LOG_CRITICAL,
}

pub(crate) const NO_EXCHANGE: sys::outrider_exchange = sys::outrider_exchange { id: 0 };

/// The host's table of one `[[plugin]]` entry. It lives from `load` to the end of the process, and any thread may use it.
#[derive(Clone, Copy)]
pub struct Host(&'static sys::outrider_host);

// SAFETY: the host never changes its table, and its functions accept any thread, or return E_THREAD.
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

impl Host {
    /// # Safety
    /// `host` is what the host has passed to `load`.
    pub(crate) unsafe fn new(host: *const sys::outrider_host) -> Host {
        Host(&*host)
    }

    /// The table, for functions that this crate does not wrap.
    #[inline]
    pub fn table(&self) -> &'static sys::outrider_host {
        self.0
    }

    /// Writes a line to the error log, with the plugin's name. The host escapes the message and cuts it at 4 KiB.
    pub fn log(&self, level: Level, message: &str) {
        self.log_about(NO_EXCHANGE, level, message);
    }

    pub(crate) fn log_about(&self, exchange: sys::outrider_exchange, level: Level, message: &str) {
        // SAFETY: the table lives for ever, and the message is borrowed during the call.
        unsafe { (self.0.log)(self.0, exchange, level as u32, bytes_of(message.as_bytes())) }
    }

    /// Whether a line of that level would be written. Cheap: ask before a message is put together.
    pub fn logs(&self, level: Level) -> bool {
        // SAFETY: the tables live for ever.
        self.log_table().map_or(true, |log| unsafe { (log.enabled)(self.0, level as u32) != 0 })
    }

    pub(crate) fn log_table(&self) -> Option<&'static sys::log::outrider_log> {
        // SAFETY: the extension has this table.
        unsafe { self.extension(sys::log::LOG) }
    }

    /// Whether the worker is draining: finish soon, nothing is cut off yet. False in the master.
    pub fn is_draining(&self) -> bool {
        // SAFETY: the table lives for ever.
        unsafe { (self.0.draining)(self.0) != 0 }
    }

    /// The `[plugin.config]` table as a JSON object; `{}` if there is none.
    pub fn config_json(&self) -> &'static str {
        // SAFETY: the host owns the text as long as its table, and writes it in UTF-8.
        unsafe { std::str::from_utf8(crate::bytes::as_bytes((self.0.config_json)(self.0))).unwrap_or("{}") }
    }

    /// The table of an extension. `None`: this host has none of that name.
    ///
    /// # Safety
    /// `name` ends with NUL, and the extension of that name has a table of type `T`.
    pub(crate) unsafe fn extension<T>(&self, name: &'static [u8]) -> Option<&'static T> {
        debug_assert!(name.ends_with(&[0]));
        (self.0.extension)(self.0, name.as_ptr().cast()).cast::<T>().as_ref()
    }
}
