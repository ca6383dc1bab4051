// SPDX-License-Identifier: GPL-3.0-or-later
/// Memory that may hold secrets: allocation that can fail without an exception, and is wiped before it is given back.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "status.h"

namespace plimsoll {

/// Zeros that the optimiser may not leave out, although nobody reads them.
inline void wipe(void* at, size_t bytes) {
  if (bytes == 0) return;
  std::memset(at, 0, bytes);
  __asm__ __volatile__("" : : "r"(at) : "memory");
}

/// An array of trivially copyable elements, aligned to cache lines, moved and never copied; wiped when it is freed.
/// Its content is indeterminate until written, unless allocated by `allocateZeroed`.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_) { other.forget(); }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      free();
      data_ = other.data_;
      size_ = other.size_;
      other.forget();
    }
    return *this;
  }
  ~Buffer() { free(); }

  /// Replaces the content. `Status::memory` where there is none; the buffer is empty then.
  [[nodiscard]] Status allocate(size_t count) {
    free();
    if (count > (SIZE_MAX - ALIGNMENT) / sizeof(T)) return Status::memory;
    const size_t bytes = (count * sizeof(T) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (bytes != 0) {
      data_ = static_cast<T*>(std::aligned_alloc(ALIGNMENT, bytes));
      if (data_ == nullptr) return Status::memory;
    }
    size_ = count;
    return Status::ok;
  }
  [[nodiscard]] Status allocateZeroed(size_t count) {
    const Status status = allocate(count);
    if (status == Status::ok && count != 0) std::memset(static_cast<void*>(data_), 0, count * sizeof(T));
    return status;
  }
  void free() {
    if (data_ == nullptr) return;
    wipe(data_, size_ * sizeof(T));
    std::free(data_);
    forget();
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }

 private:
  static constexpr size_t ALIGNMENT = 64;
  void forget() {
    data_ = nullptr;
    size_ = 0;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace plimsoll
