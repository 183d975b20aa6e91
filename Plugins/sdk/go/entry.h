/* What entry.c calls of Go, and Go of it. */
#ifndef OUTRIDER_GO_ENTRY_H
#define OUTRIDER_GO_ENTRY_H

#include <outrider.h>

/* Sets name and version, which stay for the life of the process. 0: no plugin is registered. */
extern int32_t outrider_go_describe(char **name, char **version);

/* Returns the number of the entry, from 1; or a negative status, with the reason in error, of capacity bytes. */
extern int64_t outrider_go_load(outrider_host *, uint32_t purpose, char *error, size_t capacity);
extern void outrider_go_unload(uintptr_t number);
extern outrider_status outrider_go_handle(uintptr_t number, uint64_t exchange, outrider_head *, outrider_io *);

typedef const outrider_plugin *(*outrider_go_entry_point)(const outrider_host *);
outrider_go_entry_point outrider_go_entry(void);

#endif
