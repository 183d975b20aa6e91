//! The table that a plugin exports, and the macro that exports it.

use crate::blocking::{hooks as blocking, ThreadHandler};
use crate::event::{hooks as event, EventHandler};
use crate::future::hooks as future;
use crate::life;
use crate::plugin::Plugin;
use crate::sys::{self, outrider_plugin};
use std::mem::size_of;

/// A table with the hooks of [`Plugin`], and no style. `name` and `version` end with NUL.
#[doc(hidden)]
pub const fn table<P: Plugin>(name: &'static str, version: &'static str) -> outrider_plugin {
    outrider_plugin {
        size: size_of::<outrider_plugin>() as u32,
        abi: sys::ABI_VERSION,
        abi_required: sys::ABI_VERSION,
        capabilities: 0,
        name: name.as_ptr().cast(),
        version: version.as_ptr().cast(),
        load: Some(life::load::<P>),
        unload: Some(life::unload::<P>),
        before_fork: Some(life::before_fork::<P>),
        worker_start: Some(life::worker_start::<P>),
        worker_stop: Some(life::worker_stop::<P>),
        on_wake: Some(future::on_wake::<P>),
        thread_start: None,
        thread_stop: None,
        handle: None,
        open: None,
        on_event: None,
        close: None,
    }
}

/// Adds the hooks of the blocking style.
#[doc(hidden)]
pub const fn blocking<H: ThreadHandler>(table: outrider_plugin) -> outrider_plugin {
    outrider_plugin {
        capabilities: table.capabilities | sys::THREAD_SAFE,
        thread_start: Some(blocking::thread_start::<H>),
        thread_stop: Some(blocking::thread_stop::<H>),
        handle: Some(blocking::handle::<H>),
        ..table
    }
}

/// Adds the hooks of the event style.
#[doc(hidden)]
pub const fn event<H: EventHandler>(table: outrider_plugin) -> outrider_plugin {
    outrider_plugin {
        open: Some(event::open::<H>),
        on_event: Some(event::on_event::<H>),
        close: Some(event::close::<H>),
        ..table
    }
}

/// Adds the hooks of the async style, but for `open`.
#[doc(hidden)]
pub const fn asynchronous<P: Plugin>(table: outrider_plugin) -> outrider_plugin {
    outrider_plugin { on_event: Some(future::on_event), close: Some(future::close::<P>), ..table }
}

#[doc(hidden)]
pub use crate::future::hooks::open;

/// Exports a plugin: defines `outrider_plugin_v1`, the one symbol that the server looks up.
///
/// ```text
/// outrider::plugin!(Hello: blocking);                     // Hello is a Handler or a ThreadHandler
/// outrider::plugin!(Hello: event);                        // Hello is an EventHandler
/// outrider::plugin!(Hello: async handle);                 // async fn handle(&self, Request<'_>) of Hello
/// outrider::plugin!(Hello: blocking, event);              // both: the async model takes the second, the others the first
/// outrider::plugin!(Hello: blocking, async handle);
/// ```
///
/// The plugin's name and version are those of its cargo package.
#[macro_export]
macro_rules! plugin {
    ($plugin:ty : blocking) => {
        $crate::plugin!(@export $plugin, [$crate::entry::blocking::<$plugin>]);
    };
    ($plugin:ty : event) => {
        $crate::plugin!(@export $plugin, [$crate::entry::event::<$plugin>]);
    };
    ($plugin:ty : blocking, event) => {
        $crate::plugin!(@export $plugin, [$crate::entry::blocking::<$plugin>] [$crate::entry::event::<$plugin>]);
    };
    ($plugin:ty : async $handler:ident) => {
        $crate::plugin!(@open $plugin, $handler);
        $crate::plugin!(@export $plugin, [__outrider_async]);
    };
    ($plugin:ty : blocking, async $handler:ident) => {
        $crate::plugin!(@open $plugin, $handler);
        $crate::plugin!(@export $plugin, [$crate::entry::blocking::<$plugin>] [__outrider_async]);
    };
    (@open $plugin:ty, $handler:ident) => {
        const fn __outrider_async(table: $crate::sys::outrider_plugin) -> $crate::sys::outrider_plugin {
            unsafe extern "C" fn open(
                state: *mut ::std::ffi::c_void,
                exchange: $crate::sys::outrider_exchange,
                head: *const $crate::sys::outrider_head,
                this: *mut *mut ::std::ffi::c_void,
            ) -> $crate::sys::outrider_status {
                // SAFETY: the host calls the hook of this plugin.
                unsafe { $crate::entry::open::<$plugin, _>(state, exchange, head, this, <$plugin>::$handler) }
            }
            $crate::sys::outrider_plugin { open: Some(open), ..$crate::entry::asynchronous::<$plugin>(table) }
        }
    };
    (@export $plugin:ty, $([$($style:tt)*])*) => {
        /// The entry point, which the server calls once for each `[[plugin]]` entry.
        ///
        /// # Safety
        /// `host` is the table of an Outrider host.
        #[no_mangle]
        pub unsafe extern "C" fn outrider_plugin_v1(
            _host: *const $crate::sys::outrider_host,
        ) -> *const $crate::sys::outrider_plugin {
            const fn table() -> $crate::sys::outrider_plugin {
                let table = $crate::entry::table::<$plugin>(
                    concat!(env!("CARGO_PKG_NAME"), "\0"),
                    concat!(env!("CARGO_PKG_VERSION"), "\0"),
                );
                $(let table = $($style)*(table);)*
                table
            }
            static PLUGIN: $crate::sys::outrider_plugin = table();
            &PLUGIN
        }
    };
}
