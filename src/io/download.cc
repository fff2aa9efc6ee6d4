#include "io/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

#include "base/file.h"
#include "io/files.h"

namespace tern {
namespace {

constexpr uint64_t kNewBytesWorthARetry = 1 << 20;

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One line of what a server said, short and without control characters.
std::string Quoted(std::string_view text) {
  std::string line(text.substr(0, 300));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

bool IsRetryableStatus(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

// What a status that is no success means for the person who reads it.
Error StatusError(const std::string& url, const GetReply& reply) {
  const std::string code = reply.OriginHeader("x-error-code");
  const std::string said = Quoted(reply.OriginHeader("x-error-message"));
  const std::string tail = said.empty() ? "" : fmt::format(" (\"{}\")", said);
  const std::string shown = UrlForMessage(url);
  if (code == "GatedRepo") {
    return {Code::kIo,
            fmt::format("{}: the repository is gated: accept its terms on its page and set HF_TOKEN{}", shown,
                        tail)};
  }
  switch (reply.status) {
    case 401:
      return {
          Code::kNotFound,
          fmt::format("{}: HTTP 401: no such repository, or it is private and HF_TOKEN is missing or wrong{}",
                      shown, tail)};
    case 403:
      return IoError(fmt::format("{}: HTTP 403: access denied{}", shown, tail));
    case 404:
      return NotFound(fmt::format("{}: HTTP 404: not found{}", shown, tail));
    case 429:
      return IoError(fmt::format("{}: HTTP 429: too many requests{}", shown, tail));
    default:
      return IoError(fmt::format("{}: HTTP {}{}", shown, reply.status, tail));
  }
}

// The outcome of one attempt.
struct Attempt {
  Status status;
  bool retryable = false;
  bool progressed = false;  // brought enough that the count of attempts starts anew
  double wait_seconds = 0;  // what the server asked for
};

Status Wait(double seconds, const PullEvents& events) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    if (events.Cancelled()) return CancelledError();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

template <class Try>
Status WithRetries(const NetworkPolicy& policy, const PullEvents& events, Try&& once) {
  double pause = policy.first_seconds;
  for (int left = policy.attempts;;) {
    const Attempt attempt = once();
    if (attempt.status.ok() || !attempt.retryable) return attempt.status;
    if (attempt.progressed) {
      left = policy.attempts;
      pause = policy.first_seconds;
    }
    if (--left <= 0) return attempt.status;
    const double seconds = std::min(policy.longest_seconds, std::max(pause, attempt.wait_seconds));
    events.Note(fmt::format("{}; trying again in {:.1f} s", attempt.status.error().what, seconds));
    TERN_TRY_STATUS(Wait(seconds, events));
    pause *= 2;
  }
}

void FillFromReply(const GetReply& reply, const std::string& url, Attempt& attempt) {
  attempt.status = StatusError(url, reply);
  attempt.retryable = IsRetryableStatus(reply.status);
  attempt.wait_seconds = static_cast<double>(Number(reply.Header("retry-after")).value_or(0));
}

// A download under way: the partial file, and the ETag that says which version of the file it is part of.
class PartialFile {
 public:
  PartialFile(const DownloadRequest& request, const PullEvents& events)
      : request_(request),
        events_(events),
        path_(request.partial_path.empty() ? request.path + ".incomplete" : request.partial_path),
        etag_path_(path_ + ".etag") {}

  Status Open();
  Attempt TryOnce();
  Result<Downloaded> Check();
  Status Place() {
    unlink(etag_path_.c_str());
    return MoveIntoPlace(path_, request_.path);
  }
  Status Discard();
  void DiscardIfEmpty() {
    if (size_ == 0) unlink(path_.c_str());
  }
  bool complete() const { return request_.bytes != 0 && size_ == request_.bytes; }
  bool resumed() const { return resumed_; }
  std::string shown_name() const {
    return request_.shown_name.empty() ? FileNameOf(request_.path) : request_.shown_name;
  }

 private:
  bool content_known() const { return !request_.sha256.empty() || !request_.git_sha1.empty(); }
  Status Begin(const GetReply& reply);
  Status CheckBeginning();
  Status Append(std::string_view bytes);
  Status SetSize(uint64_t size);
  void RememberVersion(const GetReply& reply);

  const DownloadRequest& request_;
  const PullEvents& events_;
  std::string path_, etag_path_;
  UniqueFd fd_;
  uint64_t size_ = 0, expected_ = 0;
  bool resumed_ = false, answer_useless_ = false;
};

Status PartialFile::Open() {
  fd_ = UniqueFd(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_.ok()) return SystemError(path_, "cannot be made");
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) return SystemError(path_, "cannot be read");
  size_ = static_cast<uint64_t>(info.st_size);
  if (request_.bytes != 0 && size_ > request_.bytes) TERN_TRY_STATUS(SetSize(0));
  resumed_ = size_ > 0;
  return NeedFreeBytes(ParentOf(path_), request_.bytes - std::min(request_.bytes, size_));
}

Status PartialFile::SetSize(uint64_t size) {
  if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0 ||
      lseek(fd_.get(), static_cast<off_t>(size), SEEK_SET) < 0) {
    return SystemError(path_, "cannot be resized");
  }
  size_ = size;
  return {};
}

Status PartialFile::Discard() {
  unlink(etag_path_.c_str());
  resumed_ = false;
  return SetSize(0);
}

// Without a checksum, only a strong ETag says that a later part belongs to the same file.
void PartialFile::RememberVersion(const GetReply& reply) {
  const std::string etag = reply.Header("etag");
  if (content_known() || etag.empty() || etag.starts_with("W/")) {
    unlink(etag_path_.c_str());
    return;
  }
  // Losing it costs a resume, nothing else.
  (void)WriteFileAtomic(etag_path_, etag).ok();
}

Status PartialFile::Begin(const GetReply& reply) {
  if (reply.status != 200 && reply.status != 206) return {};
  uint64_t from = 0;
  if (reply.status == 206) {
    // "bytes 100-199/200"
    const std::string range = reply.Header("content-range");
    const size_t dash = range.find('-');
    const auto start = range.starts_with("bytes ") && dash != std::string::npos
                           ? Number(std::string_view(range).substr(6, dash - 6))
                           : std::nullopt;
    if (!start || *start != size_) {
      TERN_TRY_STATUS(Discard());
      answer_useless_ = true;
      return IoError(
          fmt::format("{}: the server sent another range than asked for", UrlForMessage(request_.url)));
    }
    from = size_;
  }
  const auto length = Number(reply.Header("content-length"));
  expected_ = length ? from + *length : 0;
  if (request_.bytes != 0 && expected_ != 0 && expected_ != request_.bytes) {
    return BadInput(
        fmt::format("{}: {} bytes, expected {}", UrlForMessage(request_.url), expected_, request_.bytes));
  }
  TERN_TRY_STATUS(SetSize(from));
  RememberVersion(reply);
  if (length) TERN_TRY_STATUS(NeedFreeBytes(ParentOf(path_), *length));
  return {};
}

Status PartialFile::Append(std::string_view bytes) {
  const uint64_t limit = request_.bytes != 0 ? request_.bytes : UINT64_MAX;
  if (bytes.size() > limit - size_) {
    return BadInput(fmt::format("{}: more than the {} bytes expected", UrlForMessage(request_.url), limit));
  }
  TERN_TRY_STATUS(WriteAll(fd_.get(), bytes.data(), bytes.size(), path_));
  size_ += bytes.size();
  const uint64_t total = request_.bytes != 0 ? request_.bytes : expected_;
  events_.Progress(request_.done_before + size_, std::max(request_.total, total));
  return {};
}

Attempt PartialFile::TryOnce() {
  Attempt attempt;
  GetRequest get{.url = request_.url, .bearer = request_.bearer};
  get.ca_file = request_.network.ca_file;
  get.stall_seconds = request_.network.stall_seconds;
  if (size_ > 0 && !content_known()) {
    const auto etag = ReadSmallFile(etag_path_, 1024);
    if (etag.ok()) get.if_range = etag.value();
    if (!etag.ok()) attempt.status = SetSize(0);
    if (!attempt.status.ok()) return attempt;
  }
  get.offset = size_;
  answer_useless_ = false;
  const uint64_t before = size_;
  bool good = false;
  const GetSink sink{.begin =
                         [&](const GetReply& reply) {
                           good = reply.status == 200 || reply.status == 206;
                           return Begin(reply);
                         },
                     .body = [&](std::string_view bytes) { return good ? Append(bytes) : Status(); }};
  const auto reply = HttpGet(get, sink, events_, &attempt.retryable);
  attempt.progressed = size_ >= before + kNewBytesWorthARetry;
  if (!reply.ok()) {
    attempt.status = reply.error();
    attempt.retryable = attempt.retryable || answer_useless_;
  } else if (reply.value().status == 416 && before > 0) {
    // What is here is not part of what is there (any more).
    attempt.status = Discard();
    if (attempt.status.ok()) attempt.status = StatusError(request_.url, reply.value());
    attempt.retryable = true;
  } else if (!good) {
    FillFromReply(reply.value(), request_.url, attempt);
  } else if (request_.bytes != 0 && size_ != request_.bytes) {
    attempt.status = IoError(fmt::format("{}: ended after {} bytes, expected {}", UrlForMessage(request_.url),
                                         size_, request_.bytes));
    attempt.retryable = true;
  }
  return attempt;
}

// A page that says "please log in" is no model, whatever its status was.
Status PartialFile::CheckBeginning() {
  std::string begin(request_.begins_with.size(), '\0');
  const ssize_t got = pread(fd_.get(), begin.data(), begin.size(), 0);
  if (got >= 0 && begin == request_.begins_with) return {};
  return BadInput(
      fmt::format("{}: begins with \"{}\", expected \"{}\": not the kind of file that was asked for",
                  UrlForMessage(request_.url), Quoted(begin), request_.begins_with));
}

Result<Downloaded> PartialFile::Check() {
  TERN_TRY_STATUS(CheckBeginning());
  events_.Stage("checking " + shown_name());
  Downloaded done{.bytes = size_};
  if (!request_.git_sha1.empty()) {
    TERN_TRY(const std::string digest, GitSha1OfFile(path_, events_));
    if (digest == request_.git_sha1) return done;
    return BadInput(fmt::format("{}: git blob {}, expected {}: damaged on the way, or changed at the source",
                                shown_name(), digest, request_.git_sha1));
  }
  TERN_TRY(done.sha256, Sha256OfFile(path_, events_));
  if (request_.sha256.empty() || done.sha256 == request_.sha256) return done;
  return BadInput(fmt::format("{}: SHA-256 {}, expected {}: damaged on the way, or changed at the source",
                              shown_name(), done.sha256, request_.sha256));
}

}  // namespace

Result<Downloaded> Download(const DownloadRequest& request, const PullEvents& events) {
  PartialFile file(request, events);
  TERN_TRY_STATUS(file.Open());
  for (;;) {
    const bool resumed = file.resumed();
    if (!file.complete()) {
      events.Stage("pulling " + file.shown_name());
      const Status status = WithRetries(request.network, events, [&] { return file.TryOnce(); });
      if (!status.ok()) file.DiscardIfEmpty();
      if (!status.ok()) return status.error();
    }
    Result<Downloaded> checked = file.Check();
    if (checked.ok()) {
      TERN_TRY_STATUS(file.Place());
      return checked;
    }
    if (checked.error().code != Code::kBadInput) return checked;
    TERN_TRY_STATUS(file.Discard());
    // The first part may be of an older version, or a leftover of something else: once more, from the start.
    if (!resumed) return checked;
    events.Note(checked.error().what + "; starting over");
  }
}

Result<std::string> GetText(const TextRequest& request, const PullEvents& events) {
  std::string text;
  TERN_TRY_STATUS(WithRetries(request.network, events, [&] {
    Attempt attempt;
    text.clear();
    const GetSink sink{.body = [&](std::string_view bytes) -> Status {
      if (bytes.size() > request.limit_bytes - text.size()) {
        return BadInput(fmt::format("{}: an answer of more than {} bytes", UrlForMessage(request.url),
                                    request.limit_bytes));
      }
      text += bytes;
      return {};
    }};
    GetRequest get{.url = request.url, .bearer = request.bearer};
    get.ca_file = request.network.ca_file;
    get.stall_seconds = request.network.stall_seconds;
    const auto reply = HttpGet(get, sink, events, &attempt.retryable);
    if (!reply.ok()) attempt.status = reply.error();
    if (reply.ok() && reply.value().status / 100 != 2) FillFromReply(reply.value(), request.url, attempt);
    return attempt;
  }));
  return text;
}

}  // namespace tern
