//! `outrider/metrics.h`: the extension `outrider.metrics/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_host, outrider_status};
use std::os::raw::c_char;

/// The name of the extension, NUL-terminated.
pub const METRICS: &[u8] = b"outrider.metrics/1\0";

pub const COUNTER: u32 = 1;
pub const GAUGE: u32 = 2;
pub const GAUGE_MAXIMUM: u32 = 3;
pub const GAUGE_MINIMUM: u32 = 4;
pub const HISTOGRAM: u32 = 5;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct outrider_metric_label {
    pub name: *const c_char,
    pub value: *const c_char,
}

#[repr(C)]
pub struct outrider_metric {
    pub size: u32,
    pub kind: u32,
    pub name: *const c_char,
    pub help: *const c_char,
    pub labels: *const outrider_metric_label,
    pub n_labels: usize,
    pub bounds: *const f64,
    pub n_bounds: usize,
}

#[repr(C)]
pub struct outrider_metrics {
    pub size: u32,
    pub reserved: u32,
    pub define:
        unsafe extern "C" fn(*const outrider_host, metric: *const outrider_metric, number: *mut u32) -> outrider_status,
    pub add: unsafe extern "C" fn(*const outrider_host, number: u32, amount: u64) -> outrider_status,
    pub set: unsafe extern "C" fn(*const outrider_host, number: u32, value: f64) -> outrider_status,
    pub change: unsafe extern "C" fn(*const outrider_host, number: u32, amount: f64) -> outrider_status,
    pub observe: unsafe extern "C" fn(*const outrider_host, number: u32, value: f64) -> outrider_status,
}
