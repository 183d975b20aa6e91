//! A plugin's own metrics, shown with the server's by /metrics.
//!
//! `load` defines them: [`Loading::counter`](crate::Loading::counter) and its likes. Any thread of a worker records values,
//! without a lock or a system call. A metric `cache_hits_total` of the entry `api` is shown as
//! `outrider_plugin_cache_hits_total{plugin="api"}`. On a host without metrics, nothing is recorded.

use crate::failure::Failure;
use crate::host::Host;
use crate::sys::metrics as raw;
use std::ffi::CString;
use std::mem::size_of;

/// How the values of a gauge in several workers become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Their sum.
    Sum,
    /// The greatest.
    Maximum,
    /// The least.
    Minimum,
}

/// A metric of this entry.
#[derive(Clone, Copy)]
struct Metric {
    host: Host,
    /// `None`: the host has no metrics.
    table: Option<&'static raw::outrider_metrics>,
    number: u32,
}

/// A count that only rises.
#[derive(Clone, Copy)]
pub struct Counter(Metric);

/// A value that rises and falls.
#[derive(Clone, Copy)]
pub struct Gauge(Metric);

/// How often values were how large.
#[derive(Clone, Copy)]
pub struct Histogram(Metric);

impl Counter {
    /// Counts.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.record(|table, host, number| unsafe { (table.add)(host, number, amount) });
    }
}

impl Gauge {
    /// Sets the value of this worker.
    pub fn set(&self, value: f64) {
        self.0.record(|table, host, number| unsafe { (table.set)(host, number, value) });
    }

    /// Changes the value of this worker.
    pub fn change(&self, amount: f64) {
        self.0.record(|table, host, number| unsafe { (table.change)(host, number, amount) });
    }
}

impl Histogram {
    /// Counts a value, which must be finite.
    pub fn observe(&self, value: f64) {
        self.0.record(|table, host, number| unsafe { (table.observe)(host, number, value) });
    }
}

impl Metric {
    #[inline]
    fn record(&self, call: impl FnOnce(&raw::outrider_metrics, &crate::sys::outrider_host, u32) -> i32) {
        if let Some(table) = self.table {
            // What is refused is logged by the host.
            let _ = call(table, self.host.table(), self.number);
        }
    }

    fn define(
        host: Host,
        kind: u32,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Result<Metric, Failure> {
        // SAFETY: the extension has this table.
        let table = match unsafe { host.extension::<raw::outrider_metrics>(raw::METRICS) } {
            Some(table) => table,
            None => return Ok(Metric { host, table: None, number: 0 }),
        };
        let (c_name, c_help) = (CString::new(name)?, CString::new(help)?);
        let c_labels = labels
            .iter()
            .map(|&(name, value)| Ok((CString::new(name)?, CString::new(value)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let raw_labels: Vec<_> = c_labels
            .iter()
            .map(|(name, value)| raw::outrider_metric_label { name: name.as_ptr(), value: value.as_ptr() })
            .collect();
        let metric = raw::outrider_metric {
            size: size_of::<raw::outrider_metric>() as u32,
            kind,
            name: c_name.as_ptr(),
            help: c_help.as_ptr(),
            labels: raw_labels.as_ptr(),
            n_labels: raw_labels.len(),
            bounds: bounds.as_ptr(),
            n_bounds: bounds.len(),
        };
        let mut number = 0;
        // SAFETY: the metric is borrowed during the call.
        let status = unsafe { (table.define)(host.table(), &metric, &mut number) };
        crate::status::done(status)
            .map_err(|error| Failure::new(format!("the metric \"{}\" cannot be defined: {}", name, error)))?;
        Ok(Metric { host, table: Some(table), number })
    }
}

impl crate::Loading<'_> {
    /// Defines a counter, whose name ends with `_total`. `help` is a sentence on one line. Each set of label values is a
    /// metric of its own. Defining the same metric again gives the same one.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Counter, Failure> {
        Metric::define(self.host(), raw::COUNTER, name, help, labels, &[]).map(Counter)
    }

    /// Defines a gauge.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)], shown: Shown) -> Result<Gauge, Failure> {
        let kind = match shown {
            Shown::Sum => raw::GAUGE,
            Shown::Maximum => raw::GAUGE_MAXIMUM,
            Shown::Minimum => raw::GAUGE_MINIMUM,
        };
        Metric::define(self.host(), kind, name, help, labels, &[]).map(Gauge)
    }

    /// Defines a histogram. The bounds of its buckets are finite and rising.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Result<Histogram, Failure> {
        Metric::define(self.host(), raw::HISTOGRAM, name, help, labels, bounds).map(Histogram)
    }
}
