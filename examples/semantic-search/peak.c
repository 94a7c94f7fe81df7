/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Prints the GFLOP/s that this machine's fused multiply-adds reach in f32: peak THREADS. Compiled for the machine it
 * runs on.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
typedef float vector __attribute__((vector_size(LANES * 4)));

/* Latency 4 x 2 units needs 8 independent sums; 12 leave room. Their registers and two operands fit in 16. */
enum { SUMS = 12, STEPS = 2000000, THREADS = 64 };

static void *work(void *result) {
  vector factor, term;
  for (int lane = 0; lane < LANES; ++lane) {
    factor[lane] = 1.0f + 1e-7f * (float)lane;
    term[lane] = 1e-7f;
  }
  vector a = factor, b = a + 1, c = b + 1, d = c + 1, e = d + 1, f = e + 1; /* unequal: equal sums would be one */
  vector g = f + 1, h = g + 1, i = h + 1, j = i + 1, k = j + 1, l = k + 1;
  for (int step = 0; step < STEPS; ++step) {
    a = a * factor + term, b = b * factor + term, c = c * factor + term, d = d * factor + term;
    e = e * factor + term, f = f * factor + term, g = g * factor + term, h = h * factor + term;
    i = i * factor + term, j = j * factor + term, k = k * factor + term, l = l * factor + term;
    __asm__ volatile("" ::: "memory"); /* keeps the steps apart */
  }
  *(volatile float *)result = (a + b + c + d + e + f + g + h + i + j + k + l)[0];
  return NULL;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  double best = 0;
  if (threads < 1 || threads > THREADS)
    return 2;
  for (int round = 0; round < 7; ++round) {
    pthread_t workers[THREADS];
    float results[THREADS];
    double start = now();
    for (int i = 0; i < threads; ++i)
      if (pthread_create(&workers[i], NULL, work, &results[i]))
        return 1;
    for (int i = 0; i < threads; ++i)
      pthread_join(workers[i], NULL);
    double rate = 2e-9 * LANES * SUMS * (double)STEPS * threads / (now() - start);
    best = rate > best ? rate : best;
  }
  printf("%.1f\n", best);
  return 0;
}
