/* A file that gets its name when it is complete. */
#ifndef NOTES_UPLOAD_H
#define NOTES_UPLOAD_H

#include <outrider.h>

/* Whether a file may have this name. */
int upload_name_is_valid(outrider_bytes name);

/* Receives the content of the request into the file folder/name. *total is set to the number of its bytes. A negative
 * status: nothing is left of it, and an earlier file of that name is unchanged. */
outrider_status upload_receive(const outrider_io *, outrider_exchange, const char *folder, outrider_bytes name,
                               uint64_t *total);

#endif
