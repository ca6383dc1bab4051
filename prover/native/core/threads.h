// SPDX-License-Identifier: GPL-3.0-or-later
/// The only place where threads come from.
#pragma once
#include <cstddef>

#ifndef __wasm__
#include <pthread.h>
#endif

namespace plimsoll {

namespace threading {

/// Runs `run(context)` here and, where they are free, on up to `helpers` other threads at once; returns when all have returned.
/// In WebAssembly the helpers are other instances on the same memory (wasm/runtime.cc).
#ifdef __wasm__
void together(unsigned helpers, void (*run)(void*), void* context);
#else
inline void together(unsigned helpers, void (*run)(void*), void* context) {
  struct Helper {
    void (*run)(void*);
    void* context;
    static void* start(void* self) {
      static_cast<Helper*>(self)->run(static_cast<Helper*>(self)->context);
      return nullptr;
    }
  } helper{run, context};
  constexpr unsigned MOST = 64;
  pthread_t started[MOST];
  unsigned count = 0;
  // A thread that cannot be had makes the work slower, no more.
  while (count < helpers && count < MOST && pthread_create(&started[count], nullptr, Helper::start, &helper) == 0) count++;
  run(context);
  while (count > 0) pthread_join(started[--count], nullptr);
}
#endif

}  // namespace threading

/// Calls task(0) to task(count − 1), each once, on up to `threads` threads, the caller's among them. They begin in order.
/// A call from within a task runs on the caller's thread alone.
template <typename Task>
void parallel(unsigned threads, size_t count, const Task& task) {
  struct Shared {
    const Task& task;
    const size_t count;
    size_t next;
  } shared{task, count, 0};
  const auto run = [](void* context) {
    Shared& work = *static_cast<Shared*>(context);
    for (;;) {
      const size_t index = __atomic_fetch_add(&work.next, 1, __ATOMIC_RELAXED);
      if (index >= work.count) return;
      work.task(index);
    }
  };
  const size_t useful = count < threads ? count : threads;
  if (useful <= 1) {
    run(&shared);
  } else {
    threading::together(unsigned(useful - 1), run, &shared);
  }
}

}  // namespace plimsoll
