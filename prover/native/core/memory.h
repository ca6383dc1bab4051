// SPDX-License-Identifier: GPL-3.0-or-later
/// Memory that may hold secrets: allocation that can fail without an exception, and is wiped before it is given back.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "status.h"

#ifdef __wasm__
/// Of wasm/runtime.cc.
extern "C" void plimsoll_shrink(void* at, size_t bytes);
#endif

namespace plimsoll {

/// Zeros that the optimiser may not leave out, although nobody reads them.
inline void wipe(void* at, size_t bytes) {
  if (bytes == 0) return;
  std::memset(at, 0, bytes);
  __asm__ __volatile__("" : : "r"(at) : "memory");
}

constexpr size_t CACHE_LINE = 64, HUGE_PAGE = size_t(2) << 20;

/// Memory, aligned to cache lines, or null. Where the system has huge pages, what would fill most of one is of such: to touch memory
/// for the first time costs a fault for each page, in a virtual machine more than the arithmetic on it.
inline void* acquire(size_t bytes) {
#ifdef __linux__
  if (bytes >= HUGE_PAGE / 2) {
    const size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void* const at = std::aligned_alloc(HUGE_PAGE, whole);
    if (at != nullptr) madvise(at, whole, MADV_HUGEPAGE);
    return at;
  }
#endif
  return std::aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

/// An array of trivially copyable elements, aligned to cache lines, moved and never copied; wiped when it is freed.
/// Its content is indeterminate until written, unless allocated by `allocateZeroed`. Memory that suffices is kept: what is
/// allocated anew at every proof would cost more in page faults than in arithmetic.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_), capacity_(other.capacity_) { other.forget(); }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      free();
      data_ = other.data_;
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.forget();
    }
    return *this;
  }
  ~Buffer() { free(); }

  /// Replaces the content. `Status::memory` where there is none; the buffer is empty then.
  [[nodiscard, gnu::noinline]] Status allocate(size_t count) {
    if (count <= capacity_) {
      size_ = count;
      wiped_ = false;
      return Status::ok;
    }
    free();
    if (count > (SIZE_MAX - HUGE_PAGE) / sizeof(T)) return Status::memory;
    if (count != 0) {
      data_ = static_cast<T*>(acquire(count * sizeof(T)));
      if (data_ == nullptr) return Status::memory;
    }
    size_ = capacity_ = count;
    return Status::ok;
  }
  [[nodiscard]] Status allocateZeroed(size_t count) {
    const Status status = allocate(count);
    if (status == Status::ok && count != 0) std::memset(static_cast<void*>(data_), 0, count * sizeof(T));
    return status;
  }
  /// Takes over memory of `aligned_alloc`.
  void take(T* data, size_t count) {
    free();
    data_ = data;
    size_ = capacity_ = count;
  }
  /// Keeps the first elements and, in WebAssembly, gives the memory of the others back.
  void shrink(size_t count) {
#ifdef __wasm__
    plimsoll_shrink(data_, count * sizeof(T));
    capacity_ = count;
#endif
    size_ = count;
  }
  [[gnu::noinline]] void free() {
    if (data_ == nullptr) return;
    wipe();
    std::free(data_);
    forget();
  }
  /// Wipes what will not be used before it is allocated anew. In WebAssembly, where memory given back costs no page faults, others may
  /// have it.
  void spare() {
#ifdef __wasm__
    free();
#else
    wipe();
#endif
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }

 private:
  void wipe() {
    if (data_ == nullptr || wiped_) return;
    plimsoll::wipe(data_, capacity_ * sizeof(T));
    wiped_ = true;
  }
  void forget() {
    data_ = nullptr;
    size_ = capacity_ = 0;
    wiped_ = false;
  }

  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  /// Whether it was wiped after it was last allocated.
  bool wiped_ = false;
};

/// Things that are kept between uses and lent to one user at a time, for any threads. More users than MOST wait for one another.
template <typename T, size_t MOST>
class Pool {
 public:
  class Lease {
   public:
    explicit Lease(Pool& pool) : pool_(pool) {
      while (__atomic_test_and_set(&pool_.taken_[index_], __ATOMIC_ACQUIRE)) index_ = (index_ + 1) % MOST;
    }
    ~Lease() { __atomic_clear(&pool_.taken_[index_], __ATOMIC_RELEASE); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    T& operator*() { return pool_.items_[index_]; }
    T* operator->() { return &pool_.items_[index_]; }

   private:
    Pool& pool_;
    size_t index_ = 0;
  };

  /// Calls use(item) for all. While none is lent.
  template <typename Use>
  void forEach(const Use& use) {
    for (T& item : items_) use(item);
  }

 private:
  T items_[MOST];
  bool taken_[MOST] = {};
};

}  // namespace plimsoll
