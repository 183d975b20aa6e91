# Python's records in the server's error log.
import logging
import traceback

LEVELS = ((logging.CRITICAL, 5), (logging.ERROR, 4), (logging.WARNING, 3), (logging.INFO, 2), (0, 1))


class Handler(logging.Handler):
    """Writes log records to the error log, with the ID of the current request."""

    def __init__(self, log):
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record):
        try:
            level = next(ours for theirs, ours in LEVELS if record.levelno >= theirs)
            self.log(level, f"{record.name}: {self.format(record)}")
        except Exception:
            self.handleError(record)


def install(log):
    """Records of loggers without a handler go to the error log. The application's logging is not changed."""
    logging.lastResort = Handler(log)


def lines(error):
    """The traceback in Python's format, without the frames of this plugin."""
    seen = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        trace = one.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<outrider:"):
            trace = trace.tb_next
        one.__traceback__ = trace
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return "".join(traceback.format_exception(error))
