/* malloc_count.c: counts a process's allocations where another process can read the count at any moment.
 *
 *     MALLOC_COUNT_FILE=/tmp/count LD_PRELOAD=./libmalloc_count.so server
 *
 * Each process keeps one 64-bit counter, native endian, at the start of $MALLOC_COUNT_FILE.PID: a shared
 * mapping, so reading it asks nothing of the process, no signal and no syscall. Counted are calls of malloc,
 * calloc, realloc, reallocarray, posix_memalign, aligned_alloc, memalign; free is not.
 *
 * The counter is made at the first allocation that finds no counter of this very pid. So it follows fork by
 * whatever means (libc, raw clone), and an exec in the same pid goes on counting in the same file. No lock:
 * two threads that both make it map the same file twice, and count in the same place.
 *
 * What it forwards to are glibc's own names: dlsym would allocate on its way to the answer.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

typedef _Atomic uint64_t counter;

/* Where a process that cannot be counted counts, so that it is not asked about again at each allocation. */
static counter uncounted;

static _Atomic(counter *) current;
static _Atomic pid_t owner;

/* By hand: snprintf may allocate. */
static void append_number(char *end, unsigned long number)
{
	char digits[20];
	int count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (count > 0)
		*end++ = digits[--count];
	*end = '\0';
}

static counter *map_counter(const char *prefix, pid_t pid)
{
	char path[PATH_MAX];
	const size_t length = strlen(prefix);
	void *page = MAP_FAILED;

	if (length + 24 > sizeof path)
		return &uncounted;
	memcpy(path, prefix, length);
	path[length] = '.';
	append_number(path + length + 1, (unsigned long)pid);

	const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (file < 0)
		return &uncounted;
	if (ftruncate(file, sizeof(counter)) == 0)
		page = mmap(NULL, sizeof(counter), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return page == MAP_FAILED ? &uncounted : page;
}

/* The loader allocates through these functions before libc has set `environ`: such a call is passed by
 * uncounted and leaves the question open for the next one. */
static counter *own_counter(void)
{
	const pid_t pid = getpid();

	if (atomic_load_explicit(&owner, memory_order_acquire) == pid)
		return atomic_load_explicit(&current, memory_order_relaxed);
	if (environ == NULL)
		return &uncounted;

	const char *prefix = getenv("MALLOC_COUNT_FILE");
	counter *made = prefix == NULL ? &uncounted : map_counter(prefix, pid);

	atomic_store_explicit(&current, made, memory_order_relaxed);
	atomic_store_explicit(&owner, pid, memory_order_release);
	return made;
}

/* Callers of malloc may rely on errno as it was: making the counter must not show. */
static void count_one(void)
{
	const int before = errno;

	atomic_fetch_add_explicit(own_counter(), 1, memory_order_relaxed);
	errno = before;
}

void *malloc(size_t size)
{
	count_one();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	count_one();
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	count_one();
	return __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	count_one();
	return __libc_realloc(memory, total);
}

void *memalign(size_t alignment, size_t size)
{
	count_one();
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count_one();
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	const int before = errno;

	if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	count_one();

	void *made = __libc_memalign(alignment, size);

	errno = before;
	if (made == NULL)
		return ENOMEM;
	*memory = made;
	return 0;
}
