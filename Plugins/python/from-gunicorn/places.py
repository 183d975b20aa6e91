"""The settings of gunicorn that have a key, need none, or have no equivalent."""

import ssl


def seconds(value):
    return f"{int(value)}s"


def time_at_least(value):
    """A duration that can't be 0."""
    return seconds(value) if int(value) else "1ms"


def octal(value):
    number = value if isinstance(value, int) else int(value, 8)
    return f"{number:03o}"


def limited(value):
    return max(1, int(value))


# The equivalents of worker classes.
MODELS = {
    "sync": "sync",
    "gunicorn.workers.sync.SyncWorker": "sync",
    "gthread": "gthread",
    "gunicorn.workers.gthread.ThreadWorker": "gthread",
    "asgi": "async",
    "uvicorn.workers.UvicornWorker": "async",
    "uvicorn.workers.UvicornH11Worker": "async",
    "uvicorn_worker.UvicornWorker": "async",
    "uvicorn_worker.UvicornH11Worker": "async",
}

# Keys of outrider.toml, and the conversion of their values.
SAME = {
    "backlog": ("server.backlog", limited),
    "workers": ("server.workers", limited),
    "threads": ("server.threads", limited),
    "worker_connections": ("server.worker_connections", limited),
    "max_requests": ("server.max_requests", int),
    "max_requests_jitter": ("server.max_requests_jitter", int),
    "timeout": ("timeouts.worker", seconds),
    "graceful_timeout": ("server.graceful_timeout", time_at_least),
    "keepalive": ("timeouts.keepalive", time_at_least),
    "limit_request_fields": ("limits.fields", limited),
    "reload": ("server.watch", bool),
    "user": ("server.user", str),
    "group": ("server.group", str),
    "umask": ("server.umask", octal),
    "loglevel": ("log.level", lambda value: value.lower()),
    "access_log_format": ("log.access_format", str),
    "http2_max_concurrent_streams": ("http2.max_concurrent_streams", int),
    "http2_initial_window_size": ("http2.initial_window_size", int),
    "http2_max_frame_size": ("http2.max_frame_size", int),
    "http2_max_header_list_size": ("http2.max_header_list_size", int),
}


def client_auth(value):
    return {ssl.CERT_NONE: None, ssl.CERT_OPTIONAL: "optional", ssl.CERT_REQUIRED: "required"}[int(value)]


def min_version(value):
    """gunicorn accepts numbers and names of ssl's constants for one version or any."""
    text = str(getattr(value, "name", value)).upper()
    return "1.3" if "TLSV1_3" in text else "1.2"


# Keys of [listener.tls] with files, whose names are relative to the working directory, and others.
TLS_FILES = {"certfile": "certificate", "keyfile": "key", "ca_certs": "client_ca"}
TLS = {
    "cert_reqs": ("client_auth", client_auth),
    "ssl_version": ("min_version", min_version),
    "ciphers": ("ciphers", str),
}

# Settings whose effect is the server's default, or that are options of its command line.
NOT_NEEDED = {
    "config",
    "check_config",  # outrider -t
    "print_config",  # outrider -T
    "daemon",
    "reuse_port",
    "worker_tmp_dir",
    "initgroups",
    "reload_engine",
    "enable_stdio_inheritance",
    "disable_redirect_access_to_syslog",
    "suppress_ragged_eofs",
    "do_handshake_on_connect",
    "default_proc_name",
    "http_parser",
    "asgi_disconnect_grace_period",
    "control_socket_disable",
}

_HOOK = "it is a function: see os.register_at_fork, atexit, ASGI's lifespan, or middleware of the application"
_SYSLOG = 'there is no syslog: log.error and log.access may be "journal"'
_STATSD = "nothing is pushed to statsd: metrics.bind has metrics for Prometheus"
_LOGGING = "the application configures logging; lines of the server are set in [log]"
_LENIENT = "what it allows is always refused"
_DIRTY = "there are no dirty workers: a program of its own may do long work"
_CONTROL = "gunicornc is for it; outriderctl is for control.socket"

WITHOUT_PLACE = {
    **dict.fromkeys(
        (
            *("on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_int"),
            *("worker_abort", "pre_exec", "pre_request", "post_request", "child_exit", "worker_exit"),
            *("nworkers_changed", "on_exit", "ssl_context"),
        ),
        _HOOK,
    ),
    **dict.fromkeys(("syslog", "syslog_addr", "syslog_prefix", "syslog_facility"), _SYSLOG),
    **dict.fromkeys(("statsd_host", "statsd_prefix", "dogstatsd_tags"), _STATSD),
    **dict.fromkeys(("logger_class", "logconfig", "logconfig_dict", "logconfig_json"), _LOGGING),
    **dict.fromkeys(
        (
            *("permit_obsolete_folding", "strip_header_spaces", "permit_unconventional_http_method"),
            *("permit_unconventional_http_version", "casefold_http_method", "tolerate_dangerous_framing"),
        ),
        _LENIENT,
    ),
    **dict.fromkeys(
        (
            *("dirty_apps", "dirty_workers", "dirty_timeout", "dirty_threads", "dirty_graceful_timeout"),
            *("on_dirty_starting", "dirty_post_fork", "dirty_worker_init", "dirty_worker_exit"),
        ),
        _DIRTY,
    ),
    **dict.fromkeys(("control_socket", "control_socket_mode"), _CONTROL),
    "enable_backlog_metric": "outriderctl status shows how many connections wait",
    "uwsgi_allow_ips": "the uwsgi protocol is not spoken: let the proxy speak HTTP",
    "websocket_max_message_size": "there is no WebSocket",
    "capture_output": "what is written to standard output and standard error goes where the server was started",
    "forwarder_headers": "SCRIPT_NAME is the mount of the plugin, and PATH_INFO is what follows it",
    "paste": "applications of Paste have no place: name a factory in plugin.python",
    "raw_paste_global_conf": "applications of Paste have no place: name a factory in plugin.python",
    "proc_name": "processes are called outrider: supervisor, master and worker",
    "reload_extra_files": "server.watch watches the configuration, plugins and .py files",
    "spew": "see python3 -m trace",
    "tmp_upload_dir": "content is not kept in files",
}
