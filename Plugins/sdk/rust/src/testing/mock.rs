//! The mock host.

use super::{Exchange, Request, Settings};
use crate::bytes::bytes_of;
use crate::host::Level;
use crate::plugin::Purpose;
use crate::sys::{self, testing as raw};
use std::ffi::{c_void, CStr, CString};
use std::os::raw::c_char;
use std::time::Duration;

/// What [`plugin!`](crate::plugin) defines under the name `outrider_plugin_v1`.
pub type Entry = raw::outrider_mock_entry;

/// A host with one plugin. When it is dropped, the worker stops, and the test fails if the plugin has misused the ABI.
pub struct Mock {
    mock: *mut raw::outrider_mock,
    allows_misuse: bool,
}

impl Mock {
    /// A host whose worker has started, with the server's defaults. Panics with the reason if the plugin is refused.
    pub fn start(entry: Entry) -> Mock {
        Mock::start_with(entry, &Settings::new())
    }

    /// The same with settings.
    pub fn start_with(entry: Entry, settings: &Settings) -> Mock {
        match Mock::try_start(entry, settings) {
            Ok(mock) => mock,
            Err(reason) => panic!("the plugin does not start: {}", reason),
        }
    }

    /// The same; `Err` is the reason for which the plugin, or its configuration, is refused.
    pub fn try_start(entry: Entry, settings: &Settings) -> Result<Mock, String> {
        let mock = Mock::new(entry, settings);
        // SAFETY: the mock lives.
        let status = unsafe { raw::outrider_mock_start(mock.mock) };
        mock.unless_refused(status)
    }

    /// Loads the plugin for a purpose, as `outrider -t` does, and no more. `Err` is the reason of a refusal.
    pub fn load(entry: Entry, settings: &Settings, purpose: Purpose) -> Result<(), String> {
        let purpose = match purpose {
            Purpose::Serve => sys::PURPOSE_SERVE,
            Purpose::Check => sys::PURPOSE_CHECK,
            Purpose::Inspect => sys::PURPOSE_INSPECT,
        };
        let mock = Mock::new(entry, settings);
        // SAFETY: the mock lives.
        let status = unsafe { raw::outrider_mock_load(mock.mock, purpose) };
        mock.unless_refused(status).map(drop)
    }

    fn new(entry: Entry, settings: &Settings) -> Mock {
        // SAFETY: the entry is that of a plugin of this crate, and the settings are borrowed during the call.
        let mock = settings.with_raw(|settings| unsafe { raw::outrider_mock_new(entry, settings) });
        assert!(!mock.is_null(), "no memory");
        Mock { mock, allows_misuse: settings.allows_misuse }
    }

    fn unless_refused(self, status: i32) -> Result<Mock, String> {
        if status >= 0 {
            return Ok(self);
        }
        // SAFETY: the mock lives, and the text is copied.
        Err(unsafe { copied(raw::outrider_mock_error(self.mock)) })
    }

    /// Passes a request to the plugin, and runs what is due. Panics if the server would refuse it itself.
    pub fn serve(&self, request: &Request) -> Exchange<'_> {
        let mut pieces = request.content.clone();
        // SAFETY: the mock lives, the request is borrowed during the call, and so are the pieces in blocking style.
        let exchange = request.with_raw(|raw_request| unsafe {
            if !pieces.is_empty() {
                raw_request.wait = Some(feed_next);
                raw_request.wait_context = (&mut pieces as *mut Vec<Vec<u8>>).cast();
            }
            raw::outrider_mock_serve(self.mock, raw_request)
        });
        assert!(!exchange.is_null(), "the server would refuse this request");
        Exchange { mock: self, exchange }
    }

    /// Runs everything that is due on the loop.
    pub fn run(&self) {
        // SAFETY: the mock lives.
        unsafe { raw::outrider_mock_run(self.mock) }
    }

    /// Advances the time, and runs each timer and deadline at its time.
    pub fn advance(&self, time: Duration) {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_advance(self.mock, time.as_nanos() as u64) }
    }

    /// Waits, in real time, for something from a thread of the plugin or from a watched descriptor, and runs what is due.
    /// False: nothing came within the time.
    pub fn wait(&self, time: Duration) -> bool {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_wait(self.mock, time.as_millis() as u32) != 0 }
    }

    /// Drains the worker, and runs what is due.
    pub fn drain(&self) {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_drain(self.mock) }
        self.run();
    }

    /// The value of a metric, named as /metrics names it, without `outrider_plugin_` and the label `plugin`:
    /// `cache_total{result="hit"}`. `None`: there is none, or a gauge is not set.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let name = CString::new(name).expect("a name without NUL");
        // SAFETY: as above.
        Some(unsafe { raw::outrider_mock_metric(self.mock, name.as_ptr()) }).filter(|value| !value.is_nan())
    }

    /// The reason for which the plugin has said that it is not ready. `None`: it is.
    pub fn not_ready(&self) -> Option<String> {
        // SAFETY: as above; the text is copied.
        let reason = unsafe { raw::outrider_mock_not_ready(self.mock) };
        if reason.is_null() {
            None
        } else {
            Some(unsafe { copied(reason) })
        }
    }

    /// The lines that the plugin has logged.
    pub fn log(&self) -> Vec<(Level, String)> {
        // SAFETY: as above; the texts are copied.
        (0..unsafe { raw::outrider_mock_log_lines(self.mock) })
            .map(|index| unsafe {
                let mut level = 0;
                let line = copied(raw::outrider_mock_log_line(self.mock, index, &mut level));
                (level_of(level), line)
            })
            .collect()
    }

    /// The calls that were misuse of the ABI, as the server's error log has them.
    pub fn misuses(&self) -> Vec<String> {
        // SAFETY: as above; the texts are copied.
        (0..unsafe { raw::outrider_mock_misuses(self.mock) })
            .map(|index| unsafe { copied(raw::outrider_mock_misuse(self.mock, index)) })
            .collect()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // SAFETY: the mock lives, and is not used afterwards. Its end stops the worker.
        let misuses = unsafe {
            raw::outrider_mock_stop(self.mock, 0);
            let misuses = self.misuses();
            raw::outrider_mock_free(self.mock);
            misuses
        };
        if !std::thread::panicking() && !self.allows_misuse {
            assert!(misuses.is_empty(), "the plugin has misused the ABI: {:?}", misuses);
        }
    }
}

/// Delivers the next piece of the content to a handler that waits for it.
unsafe extern "C" fn feed_next(context: *mut c_void, exchange: *mut raw::outrider_mock_exchange) {
    match (*context.cast::<Vec<Vec<u8>>>()).pop() {
        Some(piece) => raw::outrider_mock_feed(exchange, bytes_of(&piece)),
        None => raw::outrider_mock_end_body(exchange, std::ptr::null(), 0),
    }
}

unsafe fn copied(text: *const c_char) -> String {
    CStr::from_ptr(text).to_string_lossy().into_owned()
}

fn level_of(level: u32) -> Level {
    match level {
        sys::LOG_DEBUG => Level::Debug,
        sys::LOG_INFO => Level::Info,
        sys::LOG_WARNING => Level::Warning,
        sys::LOG_CRITICAL => Level::Critical,
        _ => Level::Error,
    }
}
