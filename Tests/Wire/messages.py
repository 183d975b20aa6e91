"""The kinds of messages between master and supervisor, and between worker and master, by their numbers."""

LISTENER, READY, SETTING, CONFIGURED, CLAIM, STEP, FAILED = 1, 3, 6, 7, 8, 9, 10
SCALE, SCOREBOARD, TICKET_KEYS, WORKER, PLUGIN, CONFIGURATION, UNKNOWN = 12, 13, 14, 16, 17, 18, 0xEE
WORKER_READY, WORKER_DRAIN = 1, 3
