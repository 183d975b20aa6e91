//! The bindings are those of the headers: a C compiler compares each size, offset and constant.

use outrider::sys::{self, config, health, log, loop_, metrics, store, testing, websocket};
use std::mem::{size_of, MaybeUninit};
use std::process::Command;
use std::ptr::addr_of;

/// Lines of C that compare a structure with the header's. The pattern fails to compile if a field is not listed. A field
/// whose name is a keyword of Rust ends with `_` here.
macro_rules! structure {
    ($asserts:ident, $module:ident :: $name:ident { $($field:ident),* $(,)? }) => {{
        fn exhaustive(structure: $module::$name) {
            let $module::$name { $($field: _),* } = structure;
        }
        let _ = exhaustive;
        let structure = MaybeUninit::<$module::$name>::uninit();
        let start = structure.as_ptr();
        let name = stringify!($name);
        $asserts.push(format!("sizeof({}) == {}", name, size_of::<$module::$name>()));
        $(
            // SAFETY: only the address of the field is taken.
            let offset = unsafe { addr_of!((*start).$field) as usize } - start as usize;
            let field = stringify!($field).trim_end_matches('_');
            $asserts.push(format!("offsetof({}, {}) == {}", name, field, offset));
            // SAFETY: as above.
            let size = unsafe { size_of_pointee(addr_of!((*start).$field)) };
            $asserts.push(format!("sizeof((({} *)0)->{}) == {}", name, field, size));
        )*
    }};
}

/// The same for a table of the host's, which may have grown: its size is not compared.
macro_rules! table {
    ($asserts:ident, $module:ident :: $name:ident { $($field:ident),* $(,)? }) => {{
        let whole = $asserts.len();
        structure!($asserts, $module::$name { $($field),* });
        $asserts.remove(whole);
    }};
}

fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

macro_rules! constants {
    ($asserts:ident, $prefix:literal, $module:ident { $($name:ident),* $(,)? }) => {
        $($asserts.push(format!("{}{} == {}", $prefix, stringify!($name), $module::$name as i64));)*
    };
}

#[test]
fn the_headers_say_the_same() {
    let mut asserts: Vec<String> = Vec::new();
    structure!(asserts, sys::outrider_bytes { data, size });
    structure!(asserts, sys::outrider_field { name, value });
    structure!(asserts, sys::outrider_exchange { id });
    structure!(
        asserts,
        sys::outrider_head {
            size,
            flags,
            http_version,
            server_port,
            client_port,
            reserved,
            method,
            scheme,
            authority,
            target,
            raw_path,
            path,
            query,
            mount,
            client_address,
            server_address,
            request_id,
            tls_subject,
            fields,
            n_fields,
            content_length,
            deadline_ns
        }
    );
    structure!(
        asserts,
        sys::outrider_tls {
            size,
            flags,
            version,
            cipher,
            server_name,
            alpn,
            client_subject,
            client_sha256,
            client_chain,
            n_client_chain,
            client_names,
            n_client_names
        }
    );
    structure!(
        asserts,
        sys::outrider_io {
            size,
            reserved,
            implementation,
            read,
            request_trailers,
            informational,
            respond,
            start,
            write,
            sendfile,
            trailers
        }
    );
    structure!(asserts, sys::outrider_event { size, type_, tag });
    structure!(asserts, sys::outrider_head_event { size, type_, tag, status, flags, fields, n_fields });
    structure!(asserts, sys::outrider_body_event { size, type_, tag, bytes, more, flags, release, context });
    structure!(
        asserts,
        sys::outrider_response_event { size, type_, tag, status, flags, fields, n_fields, body, release, context }
    );
    structure!(asserts, sys::outrider_file_event { size, type_, tag, fd, more, offset, length, release, context });
    structure!(asserts, sys::outrider_notice_event { size, type_, tag, reason, flags });
    structure!(
        asserts,
        sys::outrider_host {
            size,
            abi,
            implementation,
            extension,
            log,
            config_json,
            config_string,
            config_integer,
            config_boolean,
            head,
            tls,
            cancelled,
            draining,
            send,
            receive,
            post,
            after,
            cancel,
            wake,
            send_informational,
            send_start,
            send_body,
            send_trailers,
            send_response,
            send_abort
        }
    );
    structure!(asserts, sys::outrider_load_info { size, purpose, process, reserved });
    structure!(
        asserts,
        sys::outrider_worker_info {
            size,
            model,
            threads,
            worker,
            workers,
            reserved,
            graceful_timeout_ns,
            output_limit,
            host_version
        }
    );
    structure!(asserts, sys::outrider_thread_info { size, index, threads, reserved });
    structure!(asserts, sys::outrider_error { size, reserved, text });
    structure!(
        asserts,
        sys::outrider_plugin {
            size,
            abi,
            abi_required,
            capabilities,
            name,
            version,
            load,
            unload,
            before_fork,
            worker_start,
            worker_stop,
            on_wake,
            thread_start,
            thread_stop,
            handle,
            open,
            on_event,
            close
        }
    );
    structure!(
        asserts,
        config::outrider_config_date {
            size,
            parts,
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
            offset_minutes
        }
    );
    structure!(
        asserts,
        config::outrider_config {
            size,
            reserved,
            find,
            type_,
            count,
            at,
            key,
            text,
            integer,
            number,
            date,
            folder,
            error,
            expect
        }
    );
    structure!(asserts, health::outrider_health { size, reserved, watch, alive, idle, unwatch, ready });
    structure!(
        asserts,
        log::outrider_trace { size, present, version, flags, trace_id, parent_id, trace_id_text, parent_id_text }
    );
    structure!(asserts, log::outrider_log { size, reserved, enabled, note, trace });
    structure!(asserts, loop_::outrider_loop { size, reserved, own, watch, change, unwatch, descriptor, dispatch });
    structure!(asserts, metrics::outrider_metric_label { name, value });
    structure!(asserts, metrics::outrider_metric { size, kind, name, help, labels, n_labels, bounds, n_bounds });
    structure!(asserts, metrics::outrider_metrics { size, reserved, define, add, set, change, observe });
    structure!(asserts, store::outrider_store { size, reserved, get, set, compare_and_set, add, remove, next });
    structure!(
        asserts,
        testing::outrider_mock_settings {
            size,
            model,
            threads,
            workers,
            process,
            aborts_on_misuse,
            config,
            mount,
            output_limit,
            body_limit,
            max_hints,
            max_hint_bytes,
            request_timeout_ns,
            graceful_timeout_ns,
            extension,
            extension_context,
            abi,
            growth,
            store_size,
            no_extensions,
            reserved
        }
    );
    structure!(
        asserts,
        testing::outrider_mock_request {
            size,
            flags,
            http_version,
            piece,
            method,
            target,
            authority,
            fields,
            n_fields,
            body,
            content_length,
            trailers,
            n_trailers,
            wait,
            wait_context
        }
    );
    structure!(asserts, testing::outrider_mock_section { status, reserved, fields, n_fields });
    structure!(
        asserts,
        testing::outrider_mock_response {
            size,
            ending,
            status,
            reserved,
            fields,
            n_fields,
            body,
            trailers,
            n_trailers,
            informational,
            n_informational,
            wire
        }
    );
    constants!(
        asserts,
        "OUTRIDER_",
        sys {
            ABI_MAJOR,
            ABI_MINOR,
            ABI_VERSION,
            OK,
            SKIPPED,
            PAUSE,
            E_STATE,
            E_INVALID,
            E_CLOSED,
            E_CANCELLED,
            E_UNSUPPORTED,
            E_LIMIT,
            E_AGAIN,
            E_THREAD,
            E_IO,
            E_FAILED,
            HEAD_TLS,
            HEAD_MAY_HINT,
            HEAD_HAS_BODY,
            HEAD_HEAD_ONLY,
            HEAD_PROXIED,
            HEAD_ACCEPTS_TRAILERS,
            HEAD_BARE_MOUNT,
            HTTP_1_0,
            HTTP_1_1,
            HTTP_2,
            TLS_RESUMED,
            EVENT_REQUEST,
            EVENT_REQUEST_TRAILERS,
            EVENT_DISCONNECT,
            EVENT_DRAINING,
            EVENT_RESUME,
            EVENT_SENT,
            EVENT_INFORMATIONAL,
            EVENT_START,
            EVENT_BODY,
            EVENT_FILE,
            EVENT_TRAILERS,
            EVENT_RESPONSE,
            EVENT_ABORT,
            TRAILERS_FOLLOW,
            LOG_DEBUG,
            LOG_INFO,
            LOG_WARNING,
            LOG_ERROR,
            LOG_CRITICAL,
            THREAD_SAFE,
            PURPOSE_SERVE,
            PURPOSE_CHECK,
            PURPOSE_INSPECT,
            PROCESS_MASTER,
            PROCESS_WORKER,
            MODEL_SYNC,
            MODEL_GTHREAD,
            MODEL_ASYNC
        }
    );
    constants!(
        asserts,
        "OUTRIDER_CONFIG_",
        config {
            ROOT,
            TABLE,
            ARRAY,
            STRING,
            INTEGER,
            FLOAT,
            BOOLEAN,
            DATE,
            HAS_DATE,
            HAS_TIME,
            HAS_OFFSET,
            MAX_MESSAGE,
            MAX_ERRORS,
            MAX_KEYS
        }
    );
    constants!(asserts, "OUTRIDER_HEALTH_", health { MAX_THREADS, MAX_NAME, MAX_REASON });
    constants!(asserts, "OUTRIDER_LOG_", log { MAX_NOTES, MAX_KEY, MAX_VALUE });
    constants!(asserts, "OUTRIDER_", log { TRACE_SAMPLED });
    constants!(
        asserts,
        "OUTRIDER_LOOP_",
        loop_ { READABLE, PRIORITY, WRITABLE, ERROR, HANGUP, PEER_CLOSED, MAX_WATCHES }
    );
    constants!(asserts, "OUTRIDER_METRIC_", metrics { COUNTER, GAUGE, GAUGE_MAXIMUM, GAUGE_MINIMUM, HISTOGRAM });
    constants!(asserts, "OUTRIDER_STORE_", store { MAX_KEY, MAX_VALUE });
    structure!(asserts, websocket::outrider_websocket_options { size, flags, subprotocol, fields, n_fields });
    structure!(asserts, websocket::outrider_websocket_close_event { size, type_, tag, code, by_host, reason });
    table!(asserts, websocket::outrider_websocket { size, reserved, accept, text, binary, close });
    constants!(asserts, "OUTRIDER_", websocket { HEAD_WEBSOCKET, EVENT_WEBSOCKET_MESSAGE, EVENT_WEBSOCKET_CLOSE });
    constants!(
        asserts,
        "OUTRIDER_WEBSOCKET_",
        websocket {
            TEXT,
            PARTS,
            NORMAL,
            GOING_AWAY,
            PROTOCOL_ERROR,
            UNSUPPORTED_DATA,
            NO_STATUS,
            INVALID_DATA,
            POLICY,
            TOO_BIG,
            INTERNAL_ERROR,
            SERVICE_RESTART,
            TRY_AGAIN_LATER,
            MAX_REASON
        }
    );
    constants!(
        asserts,
        "OUTRIDER_MOCK_",
        testing { TLS, PROXIED, BODY_FOLLOWS, CHUNKED, SLOW, NO_HINTS, OPEN, COMPLETE, PAGE, CUT, NONE }
    );
    for (name, value) in [
        ("OUTRIDER_CONFIG", config::CONFIG),
        ("OUTRIDER_HEALTH", health::HEALTH),
        ("OUTRIDER_LOG", log::LOG),
        ("OUTRIDER_LOOP", loop_::LOOP),
        ("OUTRIDER_METRICS", metrics::METRICS),
        ("OUTRIDER_STORE", store::STORE),
        ("OUTRIDER_WEBSOCKET", websocket::WEBSOCKET),
    ] {
        let text = std::str::from_utf8(value).unwrap().trim_end_matches('\0');
        asserts.push(format!("sizeof({}) == {} && !__builtin_strcmp({}, \"{}\")", name, value.len(), name, text));
    }

    let mut source = String::new();
    for header in ["config", "health", "log", "loop", "metrics", "store", "testing", "websocket"] {
        source += &format!("#include <outrider/{}.h>\n", header);
    }
    for condition in &asserts {
        source += &format!("_Static_assert({}, \"the bindings differ\");\n", condition);
    }
    let folder = std::env::temp_dir().join(format!("outrider-rust-layout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("layout.c");
    std::fs::write(&file, source).unwrap();
    let flags = Command::new("pkg-config").args(["--cflags", "outrider-testing"]).output().unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-fsyntax-only"])
        .args(flags.split_whitespace())
        .arg(&file)
        .output()
        .expect("a C compiler");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    assert!(asserts.len() > 500, "{} comparisons", asserts.len());
}
