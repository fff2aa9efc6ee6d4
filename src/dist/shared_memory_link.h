#pragma once
// SharedMemoryLink: a MessageLink between two processes of one user on one machine. Bytes go through memory
// without a name, that the one which listens makes for each that comes; a UNIX socket, whose name is not a
// file either, hands it over and tells when the other has gone. So there is nothing to be cleaned up, however
// a process ends, and nothing stale for the next one to meet.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "dist/message_link.h"

namespace tern {

struct SharedMemorySizes {
  // Of what goes to the listener, and from it: powers of two; the largest message is 8 bytes less.
  size_t to_listener_bytes = size_t{4} << 20;
  size_t from_listener_bytes = size_t{32} << 20;
};

// Letters, digits, '-', '_' and '.', at most 64. Each user has names of his own.
Status CheckLinkName(const std::string& name);
// Errors: CheckLinkName's; kExhausted: another process listens there.
Result<std::shared_ptr<LinkListener>> ListenInSharedMemory(const std::string& name,
                                                           SharedMemorySizes sizes = {});
// Errors: kNotFound: nobody listens; kDeadline: nobody answered in time; kBadInput: one who listens is not of
// this user, or of another version.
Result<std::unique_ptr<MessageLink>> ConnectInSharedMemory(const std::string& name, int64_t deadline_ns);

}  // namespace tern
