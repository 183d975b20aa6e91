//! The settings of a mock host.

use crate::plugin::Model;
use crate::sys::{self, testing as raw};
use std::ffi::CString;
use std::mem::size_of;
use std::ptr::null;
use std::time::Duration;

/// The settings of a mock host. Those that are not set are the server's defaults.
#[derive(Clone, Default)]
pub struct Settings {
    model: u32,
    config: Option<CString>,
    mount: Option<CString>,
    loads_in_worker: bool,
    output_limit: u64,
    body_limit: u64,
    request_timeout_ns: u64,
    store_size: u64,
    no_extensions: bool,
    growth: u32,
    pub(super) allows_misuse: bool,
}

fn text(text: &str) -> CString {
    CString::new(text).expect("text without NUL")
}

impl Settings {
    /// All defaults: the sync model, and an empty `[plugin.config]`.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// The worker model.
    pub fn model(mut self, model: Model) -> Settings {
        self.model = match model {
            Model::Sync => sys::MODEL_SYNC,
            Model::Gthread => sys::MODEL_GTHREAD,
            Model::Async => sys::MODEL_ASYNC,
        };
        self
    }

    /// The table `[plugin.config]`, as a JSON object.
    pub fn config(mut self, json: &str) -> Settings {
        self.config = Some(text(json));
        self
    }

    /// The path on which the plugin is mounted.
    pub fn mount(mut self, path: &str) -> Settings {
        self.mount = Some(text(path));
        self
    }

    /// `load = "worker"`.
    pub fn load_in_worker(mut self) -> Settings {
        self.loads_in_worker = true;
        self
    }

    /// `limits.output`, in bytes.
    pub fn output_limit(mut self, bytes: u64) -> Settings {
        self.output_limit = bytes;
        self
    }

    /// `limits.body`, in bytes.
    pub fn body_limit(mut self, bytes: u64) -> Settings {
        self.body_limit = bytes;
        self
    }

    /// `timeouts.request`.
    pub fn request_timeout(mut self, time: Duration) -> Settings {
        self.request_timeout_ns = time.as_nanos() as u64;
        self
    }

    /// `store.size`, in bytes.
    pub fn store_size(mut self, bytes: u64) -> Settings {
        self.store_size = bytes;
        self
    }

    /// The host has no extensions, as an older one.
    pub fn without_extensions(mut self) -> Settings {
        self.no_extensions = true;
        self
    }

    /// So many bytes are appended to each structure that may grow, as a later host has them; at most 256.
    pub fn growth(mut self, bytes: u32) -> Settings {
        self.growth = bytes;
        self
    }

    /// The test does not fail if the plugin misuses the ABI.
    pub fn allow_misuse(mut self) -> Settings {
        self.allows_misuse = true;
        self
    }

    /// The settings as the mock reads them, within `body`.
    pub(super) fn with_raw<R>(&self, body: impl FnOnce(&raw::outrider_mock_settings) -> R) -> R {
        body(&raw::outrider_mock_settings {
            size: size_of::<raw::outrider_mock_settings>() as u32,
            model: self.model,
            threads: 0,
            workers: 0,
            process: if self.loads_in_worker { sys::PROCESS_WORKER } else { sys::PROCESS_MASTER },
            aborts_on_misuse: 0,
            config: self.config.as_ref().map_or(null(), |text| text.as_ptr()),
            mount: self.mount.as_ref().map_or(null(), |text| text.as_ptr()),
            output_limit: self.output_limit,
            body_limit: self.body_limit,
            max_hints: 0,
            max_hint_bytes: 0,
            request_timeout_ns: self.request_timeout_ns,
            graceful_timeout_ns: 0,
            extension: None,
            extension_context: std::ptr::null_mut(),
            abi: 0,
            growth: self.growth,
            store_size: self.store_size,
            no_extensions: self.no_extensions.into(),
            reserved: 0,
        })
    }
}
