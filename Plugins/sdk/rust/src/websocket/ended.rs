//! The exchanges whose WebSocket has ended, though a handler still has it: to close it again would be misuse.

use crate::sys::outrider_exchange;
use std::cell::RefCell;
use std::collections::VecDeque;

/// The most that are remembered. An exchange is over soon after its WebSocket has ended.
const CAPACITY: usize = 1024;

thread_local! {
    static ENDED: RefCell<VecDeque<u64>> = RefCell::new(VecDeque::new());
}

/// `[loop]`
pub(crate) fn note_end(exchange: outrider_exchange) {
    ENDED.with(|ended| {
        let mut ended = ended.borrow_mut();
        if ended.len() == CAPACITY {
            ended.pop_front();
        }
        ended.push_back(exchange.id);
    });
}

/// Whether the end was noted on this thread. It is forgotten.
pub(crate) fn has_ended(exchange: outrider_exchange) -> bool {
    // At the end of the thread, there is nothing left to be closed.
    let found = ENDED.try_with(|ended| {
        let mut ended = ended.borrow_mut();
        let place = ended.iter().rposition(|&id| id == exchange.id);
        place.map(|place| ended.remove(place)).is_some()
    });
    found.unwrap_or(true)
}
