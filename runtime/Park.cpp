// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Park.h"

#if defined(__linux__) && !defined(ATTNC_NO_FUTEX)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace attnc::rt {

static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t), "a futex is 32 bits of memory");

void parkWhile(std::atomic<int32_t> &word, int32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void unpark(std::atomic<int32_t> &word, int32_t count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

} // namespace attnc::rt

#else

#include <pthread.h>

namespace attnc::rt {
namespace {

// One pair for all words: sleeping is rare, and nobody holds the lock for long.
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

} // namespace

void parkWhile(std::atomic<int32_t> &word, int32_t value) {
  pthread_mutex_lock(&mutex);
  while (word.load() == value)
    pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

void unpark(std::atomic<int32_t> &, int32_t) {
  // Taking the lock orders this after the comparison of a thread that is about to sleep.
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  pthread_cond_broadcast(&changed);
}

} // namespace attnc::rt

#endif
