extension PluginSettings {
  static let schema = Schema<PluginSettings>(
    room: PluginSettings(),
    [
      .init(
        "plugin.name", .text("1 to 64 letters, digits, \"-\", \"_\", \".\"", check: checkName),
        default: .derived("the file name without lib and .so"), \.name,
        "The name of the plugin in logs and metrics. It must be unique among the plugins."),
      .init(
        "plugin.path", .text("path", check: checkPath),
        default: .derived("none; with plugin.python, the plugin for the version of Python of its venv"), \.path,
        """
        The shared object, which is required without plugin.python. A relative path is resolved against the directory of \
        the configuration file.
        """),
      .init(
        "plugin.python", .text("module:attribute", check: checkApplication), default: "", \.application,
        """
        The application in Python to serve, WSGI or ASGI, in place of a path. [plugin.config] then has the keys listed \
        below. Empty means none. See outrider-python(7).
        """),
      .init(
        "plugin.mount", .text("path", check: checkMount), default: "/", \.mount,
        """
        The path prefix of the requests that the plugin gets, in whole segments of the decoded path. The longest matching \
        prefix wins.
        """),
      .init(
        "plugin.load", .choice(), default: .derived("\"master\"; with plugin.python, \"worker\""), \.load,
        """
        Where the plugin is loaded: in the master before it forks workers, or in each worker. A plugin whose runtime \
        starts threads must be loaded in each worker.
        """),
      .init(
        "plugin.max_fails", .integer(0...1_000_000), default: "3", \.maxFails,
        """
        The number of workers in a row that the plugin may crash before it is paused. The count decreases by one for every \
        ten seconds without a crash. Requests to a paused plugin get 503. The first pause lasts up to \
        server.restart_backoff, later ones up to 30s. 0 disables pauses.
        """),
      .init(
        "plugin.min_rate", .integer(0...1_000_000_000), default: .derived("that of limits.min_rate"), \.minRate,
        """
        Overrides limits.min_rate for requests to this plugin. 0 suits streams that may be silent, such as those of gRPC.
        """),
      .init(
        "plugin.body_timeout", .duration(ms...24 * hour), default: .derived("that of timeouts.body"), \.bodyTimeout,
        "Overrides timeouts.body for requests to this plugin."),
      .init(
        "plugin.request_timeout", .duration(0...24 * hour), default: .derived("that of timeouts.request"),
        \.requestTimeout, "Overrides timeouts.request for requests to this plugin."),
      .init(
        "plugin.early_hints_audience", .choice(), default: "auto", \.earlyHintsAudience,
        "Overrides early_hints.audience and the listener's value for this plugin. \"auto\" keeps them."),
      .init(
        "plugin.config", .freeTable, default: .derived("empty"), \.config,
        "The plugin's own configuration, which it can read from load() on."),
    ])

  /// The keys of `[plugin.config]` with `plugin.python`.
  static let pythonSchema = Schema<PluginSettings>(
    room: PluginSettings(),
    [
      .init(
        "plugin.config.interface", .choice(), default: "auto", \.python.interface,
        "What the application speaks. \"auto\" finds out."),
      .init(
        "plugin.config.factory", .boolean, default: "false", \.python.factory,
        "Whether the attribute is a function that returns the application."),
      .init(
        "plugin.config.path", .texts, default: "[]", \.python.path,
        """
        The directories in which modules are looked for first. A relative path is resolved against the working directory \
        of the worker, which follows them.
        """),
      .init(
        "plugin.config.venv", .text("path", check: checkDirectory), default: .derived("that of VIRTUAL_ENV"),
        \.python.venv,
        """
        The virtual environment. Its version of Python selects the plugin, which otherwise is the one for the newest \
        version. All applications of a server have the same one. A relative path is resolved against the directory of the \
        configuration file. Empty means none.
        """),
      .init(
        "plugin.config.chdir", .text("path", check: checkDirectory),
        default: .derived("empty"), \.python.chdir,
        """
        The working directory of the workers. A relative path is resolved against the directory of the configuration \
        file. Empty means that of the server.
        """),
      .init(
        "plugin.config.env", .textTable, default: .derived("empty"), \.python.env,
        "Environment variables that are set before the application is imported."),
      .init(
        "plugin.config.lifespan", .choice(), default: "auto", \.python.lifespan,
        "ASGI: whether the application has a lifespan. \"auto\" takes an exception at its start for no."),
      .init(
        "plugin.config.loop", .choice(), default: "asyncio", \.python.loop,
        "ASGI: the event loop. \"uvloop\" needs mode \"thread\"."),
      .init(
        "plugin.config.mode", .choice(), default: "thread", \.python.mode,
        "ASGI: where the event loop runs, on a thread of its own or in turns on the worker's loop."),
      .init(
        "plugin.config.scheduling", .choice(), default: "batch", \.python.scheduling,
        """
        How the worker's loop shares a processor with the threads that run the application. With "batch" it does not \
        interrupt them when requests arrive. "normal" leaves its scheduling policy as it is.
        """),
      .init(
        "plugin.config.preload", .boolean, default: .derived("whether plugin.load is \"master\""), \.python.preload,
        """
        Whether the application is imported once in the master, so that workers share its memory, and not in each worker.
        """),
    ])
}
