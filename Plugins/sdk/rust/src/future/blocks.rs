//! Memory of tasks that have ended, for the next ones. The tasks of an entry's requests have one size.

use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;

/// The most blocks that are kept.
const MAX_KEPT: usize = 64;

/// Free blocks of one layout. `[loop]`
pub(super) struct Blocks {
    kept: UnsafeCell<Vec<NonNull<u8>>>,
    layout: Cell<Option<Layout>>,
}

impl Blocks {
    pub(super) fn new() -> Blocks {
        Blocks { kept: UnsafeCell::new(Vec::new()), layout: Cell::new(None) }
    }

    /// A block of that layout.
    #[inline]
    pub(super) fn take(&self, layout: Layout) -> NonNull<u8> {
        if self.layout.get() == Some(layout) {
            // SAFETY: only the loop is here, and nothing below calls back.
            if let Some(block) = unsafe { (*self.kept.get()).pop() } {
                return block;
            }
        }
        // SAFETY: the layout is that of a task, and not empty.
        NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Keeps a block, or frees it.
    ///
    /// # Safety
    /// The block is of `take` with that layout, and is not used any more.
    #[inline]
    pub(super) unsafe fn give(&self, block: NonNull<u8>, layout: Layout) {
        let kept = &mut *self.kept.get();
        if self.layout.get().is_none() {
            self.layout.set(Some(layout));
            kept.reserve_exact(MAX_KEPT);
        }
        if self.layout.get() == Some(layout) && kept.len() < MAX_KEPT {
            kept.push(block);
        } else {
            dealloc(block.as_ptr(), layout);
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Some(layout) = self.layout.get() {
            for block in self.kept.get_mut().drain(..) {
                // SAFETY: all kept blocks have this layout.
                unsafe { dealloc(block.as_ptr(), layout) }
            }
        }
    }
}
