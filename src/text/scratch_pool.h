#pragma once
// ScratchPool: working memory that an immutable, shared object lends to whoever uses it, so that buffers and
// caches outlive a call. Any thread; each holds its own piece until the Lease ends.

#include <memory>
#include <mutex>
#include <vector>

namespace tern {

template <class T>
class ScratchPool {
 public:
  class Lease {
   public:
    Lease(const ScratchPool* pool, std::unique_ptr<T> item) : pool_(pool), item_(std::move(item)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (item_) pool_->Return(std::move(item_));
    }
    T& operator*() const { return *item_; }
    T* operator->() const { return item_.get(); }

   private:
    const ScratchPool* pool_;
    std::unique_ptr<T> item_;
  };

  ScratchPool() = default;
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;

  Lease Take() const {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return Lease(this, std::make_unique<T>());
    std::unique_ptr<T> item = std::move(free_.back());
    free_.pop_back();
    return Lease(this, std::move(item));
  }

 private:
  void Return(std::unique_ptr<T> item) const {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(item));
  }
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<T>> free_;
};

}  // namespace tern
