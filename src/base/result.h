#pragma once
// Result<T>: a value or an Error. Status: success or an Error.
//
// Whatever the outside world can cause (files, flags, requests) returns one of these; whatever only a bug can
// cause is TERN_CHECK. Exceptions never cross a module border. A message names the object first, then what is
// wrong, then what was expected: "blk.3.attn_q.weight: shape [640, 512], expected [640, 1024]".

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace tern {

enum class Code {
  kBadInput,     // malformed file, flag or request
  kNotFound,     // no such file, model, tensor
  kUnsupported,  // well formed, but not something this build or device does
  kExhausted,    // a bounded resource is full: memory, context, KV blocks
  kIo,           // the operating system or the network said no
  kCancelled,    // the caller asked to stop
  kDeadline,     // it was not done in time
  kInternal,     // a bug that was caught
};

struct Error {
  Code code;
  std::string what;
  int retry_after_s = 0;  // kExhausted: when there may be room again; 0: not known
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)), ok_(false) {}
  bool ok() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_{};
  bool ok_ = true;
};

inline Error BadInput(std::string what) { return {Code::kBadInput, std::move(what)}; }
inline Error NotFound(std::string what) { return {Code::kNotFound, std::move(what)}; }
inline Error Unsupported(std::string what) { return {Code::kUnsupported, std::move(what)}; }
inline Error Exhausted(std::string what) { return {Code::kExhausted, std::move(what)}; }
inline Error IoError(std::string what) { return {Code::kIo, std::move(what)}; }

[[noreturn]] inline void CheckFailed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace tern

#define TERN_CONCAT_(a, b) a##b
#define TERN_CONCAT(a, b) TERN_CONCAT_(a, b)
// TERN_TRY(auto x, Load(path)): binds x or returns the error to the caller.
#define TERN_TRY(decl, expr) TERN_TRY_IMPL_(TERN_CONCAT(try_, __LINE__), decl, expr)
#define TERN_TRY_IMPL_(tmp, decl, expr) \
  auto tmp = (expr);                    \
  if (!tmp.ok()) return tmp.error();    \
  decl = std::move(tmp).value()
// TERN_TRY_STATUS(Write(x)): returns the error to the caller, if there is one.
#define TERN_TRY_STATUS(expr)                                                     \
  do {                                                                            \
    if (auto tern_status = (expr); !tern_status.ok()) return tern_status.error(); \
  } while (0)
// For what only a bug in this program can cause.
#define TERN_CHECK(cond) ((cond) ? void() : ::tern::CheckFailed(#cond, __FILE__, __LINE__))
