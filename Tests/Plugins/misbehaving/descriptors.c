/* descriptors.c: what is not the plugin's to close. */
#include "misbehaving.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every end of a pipe that is read from; the answer tells how many there were. */
outrider_status close_pipes(visit *visit) {
  int count = 0;
  for (int fd = 3; fd < 1024; fd++) {
    struct stat status;
    if (fstat(fd, &status) || !S_ISFIFO(status.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) continue;
    if (close(fd) == 0) count++;
  }
  report(visit, NULL, "closed", count);
  return report_answer(visit);
}
