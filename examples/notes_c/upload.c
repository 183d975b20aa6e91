#define _GNU_SOURCE /* mkostemp */
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int upload_name_is_valid(outrider_bytes name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name.size == 0 || name.size > 64 || name.data[0] == '.') return 0;
  for (size_t i = 0; i < name.size; i++)
    if (!name.data[i] || !strchr(allowed, name.data[i])) return 0;
  return 1;
}

static int write_all(int file, const char *data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    data += written;
    size -= (size_t)written;
  }
  return 0;
}

static outrider_status receive(const outrider_io *io, outrider_exchange exchange, int file, uint64_t *total) {
  char buffer[65536];
  for (*total = 0;;) {
    size_t got;
    const outrider_status status = io->read(io, exchange, buffer, sizeof buffer, &got);
    if (status < 0) return status;
    if (got == 0) return OUTRIDER_OK;
    if (write_all(file, buffer, got) != 0) return OUTRIDER_E_FAILED;
    *total += got;
  }
}

outrider_status upload_receive(const outrider_io *io, outrider_exchange exchange, const char *folder, outrider_bytes name,
                               uint64_t *total) {
  char path[PATH_MAX], part[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/%.*s", folder, (int)name.size, name.data) >= (int)sizeof path ||
      snprintf(part, sizeof part, "%s/.%.*s.XXXXXX", folder, (int)name.size, name.data) >= (int)sizeof part)
    return OUTRIDER_E_FAILED;
  const int file = mkostemp(part, O_CLOEXEC);
  if (file < 0) return OUTRIDER_E_FAILED;
  outrider_status status = receive(io, exchange, file, total);
  if (fchmod(file, 0644) != 0 && status >= 0) status = OUTRIDER_E_FAILED;
  if (close(file) != 0 && status >= 0) status = OUTRIDER_E_FAILED;
  if (status >= 0 && rename(part, path) != 0) status = OUTRIDER_E_FAILED;
  if (status < 0) unlink(part);
  return status;
}
