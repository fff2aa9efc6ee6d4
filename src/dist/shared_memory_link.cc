#include "dist/shared_memory_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include "dist/byte_ring.h"

namespace tern {
namespace {

constexpr uint64_t kVersion = 0x3130'4d48'534e'5254;  // "TRNSHM01"
constexpr size_t kMostRingBytes = size_t{1} << 32;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

int64_t NowNs() {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return now.count();
}

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error SystemError(const std::string& what) {
  return IoError("kv link: cannot " + what + ": " + std::generic_category().message(errno));
}

Error Late() { return {Code::kDeadline, "kv link: nothing came in time"}; }
Error Gone() { return IoError("kv link: the other process has gone"); }

// Until one of these is readable, or has hung up.
Status Wait(std::span<pollfd> fds, int64_t deadline_ns) {
  while (true) {
    const int64_t left_ns = std::max<int64_t>(0, deadline_ns - NowNs());
    const timespec left{.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
    const int ready = ppoll(fds.data(), fds.size(), &left, nullptr);
    if (ready > 0) return {};
    if (ready == 0) return Late();
    if (errno != EINTR) return SystemError("wait");
  }
}

// What the listener tells who came, with the file descriptors.
struct Welcome {
  uint64_t version = kVersion;
  uint64_t to_listener_bytes = 0, from_listener_bytes = 0;
};
// The memory, and for each ring an event where it has something to read, and where it has room again.
constexpr size_t kFds = 5;
enum : size_t { kMemory, kToListener, kToListenerRoom, kFromListener, kFromListenerRoom };
using Fds = std::array<Fd, kFds>;

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping() {
    if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
  }
  static Result<Mapping> Of(int fd, size_t size) {
    void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return SystemError("map its memory");
    Mapping mapping;
    mapping.bytes_ = {static_cast<std::byte*>(at), size};
    return mapping;
  }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

size_t AllBytes(const Welcome& welcome) {
  return ByteRing::Bytes(welcome.to_listener_bytes) + ByteRing::Bytes(welcome.from_listener_bytes);
}

// One end. Both rings lie in one piece of memory, that to the listener first.
class SharedMemoryLink : public MessageLink {
 public:
  SharedMemoryLink(Fd socket, Fds fds, Mapping memory, const Welcome& welcome, bool is_listener)
      : socket_(std::move(socket)),
        fds_(std::move(fds)),
        memory_(std::move(memory)),
        in_(Ring(welcome, is_listener)),
        out_(Ring(welcome, !is_listener)),
        in_event_(is_listener ? kToListener : kFromListener),
        out_event_(is_listener ? kFromListener : kToListener) {}

  Status Send(MessageParts parts, int64_t deadline_ns) override {
    // Another may wait for room for longer than this one may.
    const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(deadline_ns)};
    const std::unique_lock lock(sending_, deadline);
    if (!lock.owns_lock()) return Late();
    while (true) {
      if (HasEnded()) return Gone();
      TERN_TRY(const bool sent, out_.Write(parts));
      if (sent) return Signal(out_event_);
      TERN_TRY_STATUS(WaitFor(RoomOf(out_event_), deadline_ns));
    }
  }

  Result<MessageBytes> Receive(int64_t deadline_ns) override {
    MessageBytes message;
    for (bool ended = false;; ended = HasEnded()) {
      TERN_TRY(const bool received, in_.Read(&message));
      if (received) {
        (void)Signal(RoomOf(in_event_));
        return message;
      }
      if (ended) return Gone();
      if (const Status waited = WaitFor(in_event_, deadline_ns); !waited.ok() && !HasEnded()) {
        return waited.error();
      }
    }
  }

  void Close() override { shutdown(socket_.get(), SHUT_RDWR); }

 private:
  static size_t RoomOf(size_t event) { return event + 1; }

  std::span<std::byte> Ring(const Welcome& welcome, bool to_listener) const {
    const size_t first = ByteRing::Bytes(welcome.to_listener_bytes);
    return to_listener ? memory_.bytes().first(first) : memory_.bytes().subspan(first);
  }

  // Nobody says anything on the socket any more: what is to be read there is its end.
  bool HasEnded() const {
    pollfd socket{.fd = socket_.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
    return poll(&socket, 1, 0) != 0;
  }

  Status Signal(size_t event) const {
    const uint64_t one = 1;
    if (write(fds_[event].get(), &one, sizeof one) == sizeof one || errno == EAGAIN) return {};
    return SystemError("wake the other process");
  }

  Status WaitFor(size_t event, int64_t deadline_ns) const {
    pollfd fds[] = {{.fd = fds_[event].get(), .events = POLLIN, .revents = 0},
                    {.fd = socket_.get(), .events = POLLIN | POLLRDHUP, .revents = 0}};
    TERN_TRY_STATUS(Wait(fds, deadline_ns));
    uint64_t count = 0;
    if (fds[0].revents != 0 && read(fds_[event].get(), &count, sizeof count) < 0 && errno != EAGAIN) {
      return SystemError("wait");
    }
    return {};
  }

  const Fd socket_;
  const Fds fds_;
  const Mapping memory_;
  std::timed_mutex sending_;
  ByteRing in_, out_;
  const size_t in_event_, out_event_;
};

struct Address {
  sockaddr_un socket{};
  socklen_t bytes = 0;
};

// Without a file: the name ends with whoever has it.
Result<Address> AddressOf(const std::string& name) {
  TERN_TRY_STATUS(CheckLinkName(name));
  const std::string full = std::string("\0tern-kv/", 9) + std::to_string(geteuid()) + "/" + name;
  Address address;
  address.socket.sun_family = AF_UNIX;
  TERN_CHECK(full.size() < sizeof address.socket.sun_path);
  std::ranges::copy(full, address.socket.sun_path);
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + full.size());
  return address;
}

// Anybody on the machine may take a name, or come to one.
bool IsOfThisUser(int socket) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == geteuid();
}

Result<Fd> NewSocket() {
  Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.ok()) return SystemError("make a socket");
  return made;
}

Status Hand(int socket, const Welcome& welcome, const Fds& fds) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFds * sizeof(int))> control{};
  iovec data{.iov_base = const_cast<Welcome*>(&welcome), .iov_len = sizeof welcome};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kFds * sizeof(int));
  for (size_t i = 0; i < kFds; ++i) {
    const int fd = fds[i].get();
    std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof welcome ? Status() : SystemError("hand it over");
}

Status TakeOver(int socket, Welcome* welcome, Fds* fds) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFds * sizeof(int))> control{};
  iovec data{.iov_base = welcome, .iov_len = sizeof *welcome};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  size_t count = 0;
  const cmsghdr* const header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    count = std::min(kFds, (header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      (*fds)[i] = Fd(fd);
    }
  }
  if (got <= 0) return Gone();
  if (got == sizeof *welcome && count == kFds && welcome->version == kVersion) return {};
  return BadInput("kv link: the other process is of another version");
}

// Whoever can shrink a file can end those who have it mapped.
Status CheckMemory(int fd, const Welcome& welcome) {
  for (const uint64_t bytes : {welcome.to_listener_bytes, welcome.from_listener_bytes}) {
    if (std::has_single_bit(bytes) && bytes >= 64 && bytes <= kMostRingBytes) continue;
    return BadInput("kv link: a ring of " + std::to_string(bytes) + " bytes, expected a power of two");
  }
  struct stat info {};
  const int seals = fcntl(fd, F_GET_SEALS);
  if (fstat(fd, &info) == 0 && static_cast<uint64_t>(info.st_size) == AllBytes(welcome) && seals >= 0 &&
      (seals & F_SEAL_SHRINK) != 0) {
    return {};
  }
  return BadInput("kv link: its memory is not as the other process says");
}

class SharedMemoryListener : public LinkListener {
 public:
  SharedMemoryListener(Fd socket, SharedMemorySizes sizes)
      : socket_(std::move(socket)),
        welcome_{.to_listener_bytes = sizes.to_listener_bytes,
                 .from_listener_bytes = sizes.from_listener_bytes} {}

  Result<std::unique_ptr<MessageLink>> Accept(int64_t deadline_ns) override {
    while (true) {
      pollfd fds[] = {{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
      TERN_TRY_STATUS(Wait(fds, deadline_ns));
      Fd came(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!came.ok() || !IsOfThisUser(came.get())) continue;
      auto link = Welcomed(std::move(came));
      if (link.ok() || link.error().what != Gone().what) return link;
    }
  }

 private:
  // All of its memory is there from the beginning: a machine without any says so now.
  Result<std::unique_ptr<MessageLink>> Welcomed(Fd came) const {
    Fds fds;
    fds[kMemory] = Fd(memfd_create("tern-kv", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const int memory_fd = fds[kMemory].get();
    const size_t bytes = AllBytes(welcome_);
    if (memory_fd < 0 || posix_fallocate(memory_fd, 0, static_cast<off_t>(bytes)) != 0 ||
        fcntl(memory_fd, F_ADD_SEALS, kSeals) != 0) {
      return Exhausted("kv link: no memory for " + std::to_string(bytes) + " bytes to share");
    }
    for (size_t i = kToListener; i < kFds; ++i) {
      fds[i] = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!fds[i].ok()) return SystemError("make an event");
    }
    TERN_TRY(Mapping memory, Mapping::Of(memory_fd, bytes));
    if (!Hand(came.get(), welcome_, fds).ok()) return Gone();
    return std::unique_ptr<MessageLink>(std::make_unique<SharedMemoryLink>(
        std::move(came), std::move(fds), std::move(memory), welcome_, true));
  }

  const Fd socket_;
  const Welcome welcome_;
};

}  // namespace

Status CheckLinkName(const std::string& name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_good)) return {};
  return BadInput("kv link '" + name + "': expected 1 to 64 letters, digits, '-', '_' or '.'");
}

Result<std::shared_ptr<LinkListener>> ListenInSharedMemory(const std::string& name, SharedMemorySizes sizes) {
  TERN_TRY(const Address address, AddressOf(name));
  TERN_TRY(Fd socket, NewSocket());
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.bytes) != 0) {
    if (errno != EADDRINUSE) return SystemError("listen as '" + name + "'");
    return Exhausted("kv link '" + name + "': another process listens there, expected a name for each");
  }
  if (listen(socket.get(), 8) != 0) return SystemError("listen as '" + name + "'");
  return std::shared_ptr<LinkListener>(std::make_shared<SharedMemoryListener>(std::move(socket), sizes));
}

Result<std::unique_ptr<MessageLink>> ConnectInSharedMemory(const std::string& name, int64_t deadline_ns) {
  TERN_TRY(const Address address, AddressOf(name));
  TERN_TRY(Fd socket, NewSocket());
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.bytes) != 0) {
    return NotFound("kv link '" + name + "': nobody listens there");
  }
  if (!IsOfThisUser(socket.get())) {
    return BadInput("kv link '" + name + "': the process that listens there is another user's");
  }
  pollfd fds[] = {{.fd = socket.get(), .events = POLLIN, .revents = 0}};
  TERN_TRY_STATUS(Wait(fds, deadline_ns));
  Welcome welcome;
  Fds taken;
  TERN_TRY_STATUS(TakeOver(socket.get(), &welcome, &taken));
  TERN_TRY_STATUS(CheckMemory(taken[kMemory].get(), welcome));
  TERN_TRY(Mapping memory, Mapping::Of(taken[kMemory].get(), AllBytes(welcome)));
  return std::unique_ptr<MessageLink>(std::make_unique<SharedMemoryLink>(std::move(socket), std::move(taken),
                                                                         std::move(memory), welcome, false));
}

}  // namespace tern
