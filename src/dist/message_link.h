#pragma once
// MessageLink: whole messages between two processes, in order. What carries them is behind this interface:
// nothing in it assumes memory that both see, or a clock that both read. A message arrives as it was sent, or
// not at all; whether its bytes are right is for those to check who know what it means.
//
// One thread may receive while others send, and any may close. Times are of std::chrono::steady_clock, in ns.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace tern {

using MessageBytes = std::vector<std::byte>;
// Of one message, one behind the other.
using MessageParts = std::span<const std::span<const std::byte>>;

class MessageLink {
 public:
  virtual ~MessageLink() = default;
  // Waits for room until `deadline_ns`; not at all where that has passed. Errors: kDeadline, and nothing was
  // sent; kBadInput: it is larger than any may be; kIo: the link has ended.
  virtual Status Send(MessageParts parts, int64_t deadline_ns) = 0;
  // The next message. Errors: kDeadline; kIo: the link has ended, and all that had come before was received.
  virtual Result<MessageBytes> Receive(int64_t deadline_ns) = 0;
  // Ends it, at both ends: who waits is woken.
  virtual void Close() = 0;
};

// Where others come to.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  // Errors: kDeadline: nobody came; kIo. One that came and may not, or went again, is nobody.
  virtual Result<std::unique_ptr<MessageLink>> Accept(int64_t deadline_ns) = 0;
};

}  // namespace tern
