/* Linked into the thread-sanitized server, instead of the hooks by which Swift reports each formal access to a variable.
 *
 * The server's records (connections, requests, exchanges) are reached through addressors, so that an access to one of
 * their fields counts formally as an access to all of them, while each field has an owner of its own: the loop, the
 * thread that has the request, or a lock. What is read and written in memory is instrumented all the same, and that is
 * what the sanitizer judges.
 */
void __wrap___tsan_external_read(void *address, void *caller, void *tag) { (void)address, (void)caller, (void)tag; }
void __wrap___tsan_external_write(void *address, void *caller, void *tag) { (void)address, (void)caller, (void)tag; }
