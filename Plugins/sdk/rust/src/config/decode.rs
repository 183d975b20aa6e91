//! Values of the configuration as values of Rust.

use super::{Table, Value};
use crate::failure::Failure;
use std::path::PathBuf;

/// What a value of the configuration becomes. A value that does not fit is reported with its place.
pub trait Decode: Sized {
    /// Makes it of a value.
    fn decode(value: Value) -> Result<Self, Failure>;

    /// What it is without a value. `None`: the key is required.
    fn missing() -> Option<Self> {
        None
    }
}

impl Decode for Value {
    fn decode(value: Value) -> Result<Value, Failure> {
        Ok(value)
    }
}

impl Decode for Table {
    fn decode(value: Value) -> Result<Table, Failure> {
        value.table().ok_or_else(|| value.error("must be a table"))
    }
}

impl Decode for bool {
    fn decode(value: Value) -> Result<bool, Failure> {
        value.boolean().ok_or_else(|| value.error("must be true or false"))
    }
}

impl Decode for f64 {
    fn decode(value: Value) -> Result<f64, Failure> {
        value.number().ok_or_else(|| value.error("must be a number"))
    }
}

impl Decode for &'static str {
    fn decode(value: Value) -> Result<&'static str, Failure> {
        value.text().ok_or_else(|| value.error("must be a string"))
    }
}

impl Decode for String {
    fn decode(value: Value) -> Result<String, Failure> {
        <&str>::decode(value).map(str::to_owned)
    }
}

/// A relative path starts in the folder of the configuration file.
impl Decode for PathBuf {
    fn decode(value: Value) -> Result<PathBuf, Failure> {
        value.path().ok_or_else(|| value.error("must be a string"))
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Decode for $integer {
            fn decode(value: Value) -> Result<$integer, Failure> {
                value.integer().and_then(|integer| <$integer>::try_from(integer).ok()).ok_or_else(|| {
                    value.error(&format!(
                        "must be an integer from {} to {}",
                        i128::from(i64::MIN).max(<$integer>::MIN as i128),
                        i128::from(i64::MAX).min(<$integer>::MAX as i128),
                    ))
                })
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 u8 u16 u32 u64 usize);

/// Reports every element that does not fit.
impl<T: Decode> Decode for Vec<T> {
    fn decode(value: Value) -> Result<Vec<T>, Failure> {
        let elements = value.elements().ok_or_else(|| value.error("must be an array"))?;
        let decoded: Vec<_> = elements.map(T::decode).collect();
        decoded.into_iter().collect()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(value: Value) -> Result<Option<T>, Failure> {
        T::decode(value).map(Some)
    }

    fn missing() -> Option<Option<T>> {
        Some(None)
    }
}
