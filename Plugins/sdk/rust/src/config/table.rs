//! Tables and values of the configuration.

use super::Decode;
use crate::bytes::{as_bytes, bytes_of};
use crate::failure::Failure;
use crate::host::Host;
use crate::sys::config as raw;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A table.
    Table,
    /// An array.
    Array,
    /// A string.
    String,
    /// An integer.
    Integer,
    /// A float.
    Float,
    /// A boolean.
    Boolean,
    /// A date, a time, or both.
    Date,
}

/// A value of the configuration. It lives as long as the process.
#[derive(Clone, Copy)]
pub struct Value {
    host: Host,
    config: &'static raw::outrider_config,
    number: u32,
}

impl Value {
    /// The table `[plugin.config]` itself. `None`: the host has no typed configuration.
    pub(crate) fn root(host: Host) -> Option<Value> {
        // SAFETY: the extension has this table.
        let config = unsafe { host.extension::<raw::outrider_config>(raw::CONFIG) }?;
        Some(Value { host, config, number: raw::ROOT })
    }

    fn with_number(self, number: u32) -> Option<Value> {
        Some(Value { number, ..self }).filter(|_| number != 0)
    }

    /// The type. `None`: a type of a later version.
    pub fn kind(self) -> Option<Kind> {
        // SAFETY: as for all calls of the extension: it accepts any number, and its table lives for ever.
        match unsafe { (self.config.type_)(self.host.table(), self.number) } {
            raw::TABLE => Some(Kind::Table),
            raw::ARRAY => Some(Kind::Array),
            raw::STRING => Some(Kind::String),
            raw::INTEGER => Some(Kind::Integer),
            raw::FLOAT => Some(Kind::Float),
            raw::BOOLEAN => Some(Kind::Boolean),
            raw::DATE => Some(Kind::Date),
            _ => None,
        }
    }

    fn is(self, kind: Kind) -> bool {
        self.kind() == Some(kind)
    }

    /// The value as a table.
    pub fn table(self) -> Option<Table> {
        Some(Table(self)).filter(|_| self.is(Kind::Table))
    }

    /// The elements of an array.
    pub fn elements(self) -> Option<impl Iterator<Item = Value>> {
        Some(self.values()).filter(|_| self.is(Kind::Array))
    }

    /// A string, or a date as TOML writes it.
    pub fn text(self) -> Option<&'static str> {
        if !self.is(Kind::String) && !self.is(Kind::Date) {
            return None;
        }
        // SAFETY: as above; the text is UTF-8 and lives as long as the host's table.
        std::str::from_utf8(unsafe { as_bytes((self.config.text)(self.host.table(), self.number)) }).ok()
    }

    /// An integer.
    pub fn integer(self) -> Option<i64> {
        // SAFETY: as above.
        Some(unsafe { (self.config.integer)(self.host.table(), self.number) }).filter(|_| self.is(Kind::Integer))
    }

    /// A float, or an integer as a float.
    pub fn number(self) -> Option<f64> {
        // SAFETY: as above.
        let number = unsafe { (self.config.number)(self.host.table(), self.number) };
        Some(number).filter(|_| self.is(Kind::Float) || self.is(Kind::Integer))
    }

    /// A boolean.
    pub fn boolean(self) -> Option<bool> {
        // SAFETY: as above.
        let is_true = unsafe { (self.config.integer)(self.host.table(), self.number) } != 0;
        Some(is_true).filter(|_| self.is(Kind::Boolean))
    }

    /// A string as a path. A relative path starts in the folder of the configuration file.
    pub fn path(self) -> Option<PathBuf> {
        let text = self.text().filter(|_| self.is(Kind::String))?;
        // SAFETY: as above.
        let folder: &'static [u8] = unsafe { as_bytes((self.config.folder)(self.host.table())) };
        Some(Path::new(OsStr::from_bytes(folder)).join(text))
    }

    /// Reports an error about this value, with its place. The result is for `load` to return.
    pub fn error(self, message: &str) -> Failure {
        // SAFETY: as above; the message is borrowed during the call.
        unsafe {
            (self.config.error)(self.host.table(), self.number, std::ptr::null(), bytes_of(message.as_bytes()));
        }
        Failure::reported()
    }

    /// The values of a table or an array, in the host's order.
    fn values(self) -> impl Iterator<Item = Value> {
        // SAFETY: as above.
        let count = unsafe { (self.config.count)(self.host.table(), self.number) };
        (0..count).filter_map(move |index| {
            self.with_number(unsafe { (self.config.at)(self.host.table(), self.number, index) })
        })
    }
}

/// A table of the configuration. It lives as long as the process.
#[derive(Clone, Copy)]
pub struct Table(Value);

impl Table {
    pub(crate) fn root(host: Host) -> Option<Table> {
        Value::root(host).map(Table)
    }

    /// The whole table as one value: a structure of [`config!`](macro@crate::config).
    pub fn decode<T: Decode>(self) -> Result<T, Failure> {
        T::decode(self.0)
    }

    /// The value of a key, whatever its type.
    pub fn find(self, key: &str) -> Option<Value> {
        let key = CString::new(key).ok()?;
        // SAFETY: the extension accepts any number, and the key is borrowed during the call.
        self.0.with_number(unsafe { (self.0.config.find)(self.0.host.table(), self.0.number, key.as_ptr()) })
    }

    /// The value of a key that must be there, unless `T` is an `Option`.
    pub fn get<T: Decode>(self, key: &str) -> Result<T, Failure> {
        match self.find(key) {
            Some(value) => T::decode(value),
            None => T::missing().ok_or_else(|| self.error(key, "is required")),
        }
    }

    /// The value of a key, or the default if it is not there.
    pub fn get_or<T: Decode>(self, key: &str, default: T) -> Result<T, Failure> {
        self.find(key).map_or(Ok(default), T::decode)
    }

    /// The keys and their values, in the order of the keys' bytes.
    pub fn entries(self) -> impl Iterator<Item = (&'static str, Value)> {
        self.0.values().map(|value| {
            // SAFETY: as above; the key is UTF-8 and lives as long as the host's table.
            let key: &'static [u8] = unsafe { as_bytes((value.config.key)(value.host.table(), value.number)) };
            (std::str::from_utf8(key).unwrap_or(""), value)
        })
    }

    /// Reports an error about a key, which need not be there. The result is for `load` to return.
    pub fn error(self, key: &str, message: &str) -> Failure {
        let key = match CString::new(key) {
            Ok(key) => key,
            Err(_) => return self.0.error(message),
        };
        // SAFETY: as above; key and message are borrowed during the call.
        unsafe {
            (self.0.config.error)(self.0.host.table(), self.0.number, key.as_ptr(), bytes_of(message.as_bytes()));
        }
        Failure::reported()
    }

    /// Reports every key that is not among these.
    pub fn expect(self, keys: &[&str]) -> Result<(), Failure> {
        let keys: Vec<CString> = keys.iter().filter_map(|&key| CString::new(key).ok()).collect();
        let pointers: Vec<_> = keys.iter().map(|key| key.as_ptr()).collect();
        // SAFETY: as above; the keys are borrowed during the call.
        let status = unsafe {
            (self.0.config.expect)(self.0.host.table(), self.0.number, pointers.as_ptr(), pointers.len() as u32)
        };
        if status < 0 {
            Err(Failure::reported())
        } else {
            Ok(())
        }
    }
}
