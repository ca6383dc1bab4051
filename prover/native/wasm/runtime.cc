// SPDX-License-Identifier: GPL-3.0-or-later
/// What the core needs of a system in WebAssembly: memory, and helpers in place of threads. All instances that share a memory share
/// all of this.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "../core/threads.h"

extern "C" unsigned char __heap_base;

namespace {

class Lock {
 public:
  explicit Lock(uint32_t& word) : word_(word) {
    // Held for a few instructions only.
    while (__atomic_exchange_n(&word_, 1, __ATOMIC_ACQUIRE) != 0) __builtin_wasm_memory_atomic_wait32(at(), 1, 1'000'000);
  }
  ~Lock() {
    __atomic_store_n(&word_, 0, __ATOMIC_RELEASE);
    __builtin_wasm_memory_atomic_notify(at(), 1);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int* at() { return reinterpret_cast<int*>(&word_); }
  uint32_t& word_;
};

// 1. Memory: a list of free blocks by address, the first that is large enough is taken. The core asks for few and large ones.

constexpr size_t GRAIN = 64, PAGE = 65'536;

/// In front of each block. Sizes are multiples of GRAIN and include this.
struct alignas(GRAIN) Block {
  size_t size;
  Block* next;
};

uint32_t heapLock = 0;
Block* freeBlocks = nullptr;
size_t heapEnd = 0;

void giveBack(Block* block) {
  Block** link = &freeBlocks;
  while (*link != nullptr && *link < block) link = &(*link)->next;
  block->next = *link;
  *link = block;
  const auto joined = [](Block* first) {
    Block* second = first->next;
    if (second == nullptr || reinterpret_cast<uint8_t*>(first) + first->size != reinterpret_cast<uint8_t*>(second)) return;
    first->size += second->size;
    first->next = second->next;
  };
  joined(block);
  if (link != &freeBlocks) joined(reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(link) - offsetof(Block, next)));
}

bool grow(size_t bytes) {
  if (heapEnd == 0) heapEnd = (reinterpret_cast<size_t>(&__heap_base) + GRAIN - 1) / GRAIN * GRAIN;
  // What is free at the end already need not be added.
  for (const Block* block = freeBlocks; block != nullptr; block = block->next) {
    if (reinterpret_cast<size_t>(block) + block->size == heapEnd) bytes -= block->size;
  }
  const size_t have = __builtin_wasm_memory_size(0) * PAGE;
  if (heapEnd + bytes < bytes) return false;
  if (heapEnd + bytes > have && __builtin_wasm_memory_grow(0, (heapEnd + bytes - have + PAGE - 1) / PAGE) == SIZE_MAX) return false;
  Block* block = reinterpret_cast<Block*>(heapEnd);
  block->size = bytes;
  heapEnd += bytes;
  giveBack(block);
  return true;
}

// 2. Helpers: instances that wait in `plimsoll_help` for work that one of them has put up.

struct Work {
  void (*run)(void*);
  void* context;
  unsigned wanted;
  int inside;
};

uint32_t workLock = 0;
Work* current = nullptr;
int changes = 0;

void withdraw(Work* work) {
  if (current == work) current = nullptr;
}

}  // namespace

extern "C" {

void* aligned_alloc(size_t, size_t bytes) {
  if (bytes > SIZE_MAX - 2 * GRAIN - PAGE) return nullptr;
  const size_t size = (bytes + GRAIN - 1) / GRAIN * GRAIN + sizeof(Block);
  const Lock lock(heapLock);
  for (int attempt = 0; attempt < 2; attempt++) {
    for (Block** link = &freeBlocks; *link != nullptr; link = &(*link)->next) {
      Block* block = *link;
      if (block->size < size) continue;
      if (block->size - size < 2 * GRAIN) {
        *link = block->next;
      } else {
        Block* rest = reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(block) + size);
        rest->size = block->size - size;
        rest->next = block->next;
        *link = rest;
        block->size = size;
      }
      return block + 1;
    }
    if (attempt == 0 && !grow(size)) return nullptr;
  }
  return nullptr;
}

void free(void* at) {
  if (at == nullptr) return;
  const Lock lock(heapLock);
  giveBack(static_cast<Block*>(at) - 1);
}

/// Gives back what of a block is beyond its first bytes.
void plimsoll_shrink(void* at, size_t bytes) {
  const size_t size = (bytes + GRAIN - 1) / GRAIN * GRAIN + sizeof(Block);
  Block* const block = static_cast<Block*>(at) - 1;
  if (block->size < size + 2 * GRAIN) return;
  Block* const rest = reinterpret_cast<Block*>(reinterpret_cast<uint8_t*>(block) + size);
  rest->size = block->size - size;
  block->size = size;
  const Lock lock(heapLock);
  giveBack(rest);
}

// Single instructions (bulk memory).
void* memcpy(void* to, const void* from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
void* memmove(void* to, const void* from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
void* memset(void* at, int value, size_t bytes) { return __builtin_memset(at, value, bytes); }

int memcmp(const void* a, const void* b, size_t bytes) {
  const uint8_t *left = static_cast<const uint8_t*>(a), *right = static_cast<const uint8_t*>(b);
  for (size_t i = 0; i < bytes; i++) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return 0;
}

int strncmp(const char* a, const char* b, size_t bytes) {
  for (; bytes > 0; a++, b++, bytes--) {
    const int difference = static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
    if (difference != 0 || *a == '\0') return difference;
  }
  return 0;
}
int strcmp(const char* a, const char* b) { return strncmp(a, b, SIZE_MAX); }

/// What the compiler makes of a product of 128 bits, without one.
__int128 __multi3(__int128 left, __int128 right) {
  const unsigned __int128 a = static_cast<unsigned __int128>(left), b = static_cast<unsigned __int128>(right);
  const uint64_t a0 = uint32_t(a), a1 = uint64_t(a) >> 32, b0 = uint32_t(b), b1 = uint64_t(b) >> 32;
  const uint64_t low = a0 * b0, first = a1 * b0 + (low >> 32), second = a0 * b1 + uint32_t(first);
  const uint64_t high = a1 * b1 + (first >> 32) + (second >> 32) + uint64_t(a) * uint64_t(b >> 64) + uint64_t(a >> 64) * uint64_t(b);
  return static_cast<__int128>(static_cast<unsigned __int128>(high) << 64 | second << 32 | uint32_t(low));
}

void* plimsoll_allocate(size_t bytes) { return aligned_alloc(GRAIN, bytes); }
void plimsoll_free(void* at) { free(at); }

/// The life of a helper: never returns. It must run on a stack of its own.
[[noreturn]] void plimsoll_help() {
  for (;;) {
    const int seen = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);
    Work* work;
    {
      const Lock lock(workLock);
      work = current;
      if (work != nullptr) {
        work->inside++;
        if (--work->wanted == 0) withdraw(work);
      }
    }
    if (work == nullptr) {
      __builtin_wasm_memory_atomic_wait32(&changes, seen, -1);
      continue;
    }
    work->run(work->context);
    int* inside = &work->inside;
    {
      const Lock lock(workLock);
      withdraw(work);
      work->inside--;
    }
    // Whoever put the work up may have gone on: the address is only woken, not read.
    __builtin_wasm_memory_atomic_notify(inside, 1);
  }
}
}

void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return aligned_alloc(GRAIN, bytes); }
void operator delete(void* at) noexcept { free(at); }
void operator delete(void* at, size_t) noexcept { free(at); }

void plimsoll::threading::together(unsigned helpers, void (*run)(void*), void* context) {
  Work work{run, context, helpers, 0};
  bool alone = false;
  {
    const Lock lock(workLock);
    alone = current != nullptr;
    if (!alone) current = &work;
  }
  if (!alone) {
    __atomic_fetch_add(&changes, 1, __ATOMIC_RELEASE);
    __builtin_wasm_memory_atomic_notify(&changes, helpers);
  }
  run(context);
  if (alone) return;
  for (;;) {
    int inside;
    {
      const Lock lock(workLock);
      withdraw(&work);
      inside = work.inside;
    }
    if (inside == 0) return;
    __builtin_wasm_memory_atomic_wait32(&work.inside, inside, -1);
  }
}
