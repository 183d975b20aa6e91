//! Futures that belong to no exchange.

use super::runtime::Runtime;
use super::state::{Phase, State};
use super::task::TaskRef;
use crate::failure::Failure;
use crate::host::NO_EXCHANGE;
use crate::responded::Responded;
use crate::send::Sender;
use std::future::Future;
use std::sync::Arc;

/// Runs a future on the loop until it ends or the worker stops. A failure or a panic is logged.
pub(crate) fn spawn(runtime: &Arc<Runtime>, future: impl Future<Output = Result<(), Failure>> + 'static) {
    let state = State::new(Sender { host: runtime.host, exchange: NO_EXCHANGE });
    state.phase.set(Phase::Over);
    // SAFETY: the future does not get the state.
    let task = unsafe {
        TaskRef::new(Arc::clone(runtime), state, |_| async move {
            future.await?;
            Ok(Responded(()))
        })
    };
    let mut spawned = runtime.spawned.take();
    if spawned.len() == spawned.capacity() {
        spawned.retain(|task| !task.is_over());
    }
    spawned.push(task.clone());
    runtime.spawned.set(spawned);
    task.wake();
}
