#include "server/quotas.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tern {
namespace {

constexpr std::string_view kNames = "requests-per-minute, tokens-per-minute, concurrent or weight";

template <class Number>
bool ParseNumber(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number > 0;
}

// A word may be a part of a key that was written with a space: it is not repeated.
Status ReadLimit(std::string_view word, KeyLimits* limits) {
  const size_t equals = std::min(word.find('='), word.size());
  const std::string_view name = word.substr(0, equals),
                         value = word.substr(std::min(equals + 1, word.size()));
  int64_t* number = name == "requests-per-minute" ? &limits->requests_per_minute
                    : name == "tokens-per-minute" ? &limits->tokens_per_minute
                    : name == "concurrent"        ? &limits->concurrent
                                                  : nullptr;
  if (number == nullptr && name != "weight") {
    return BadInput(fmt::format("a limit has another name, expected {}, each with = and a number", kNames));
  }
  const bool good = number != nullptr ? ParseNumber(value, number)
                                      : ParseNumber(value, &limits->weight) && limits->weight <= 1000;
  if (good) return {};
  return BadInput(
      fmt::format("{}: expected a number above 0{}", name, number == nullptr ? ", at most 1000" : ""));
}

// "6m0s", "1.2s", "20ms", as OpenAI writes it.
std::string Duration(double seconds) {
  const auto ms = static_cast<int64_t>(std::ceil(std::max(0.0, seconds) * 1e3));
  if (ms < 1000) return fmt::format("{}ms", ms);
  const double rest = static_cast<double>(ms % 60'000) * 1e-3;
  return ms < 60'000 ? fmt::format("{:.3g}s", rest) : fmt::format("{}m{:.3g}s", ms / 60'000, rest);
}

ApiError Exceeded(std::string message, double seconds) {
  const double whole = std::ceil(std::clamp(seconds, 1.0, 3600.0));
  return {.status = 429,
          .message = std::move(message),
          .code = "rate_limit_exceeded",
          .retry_after_s = static_cast<int>(whole)};
}

}  // namespace

Result<KeyLimits> ParseKeyLimits(std::string_view text, const KeyLimits& usual) {
  KeyLimits limits = usual;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \t,"), text.size());
    if (end > 0) TERN_TRY_STATUS(ReadLimit(text.substr(0, end), &limits));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return limits;
}

Quotas::Quotas(std::vector<KeyLimits> limits) {
  for (const KeyLimits& l : limits) keys_.push_back(std::make_unique<Key>(l));
}

double Quotas::Bucket::LeftAt(Time now) {
  const double seconds = at == Time() ? 0 : std::chrono::duration<double>(now - at).count();
  at = now;
  left = std::min(static_cast<double>(per_minute),
                  left + std::max(0.0, seconds) * static_cast<double>(per_minute) / 60);
  return left;
}

Problem Quotas::TakeRequest(size_t index, Time now, Place* place) {
  place->reset();
  if (index >= keys_.size()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Key& key = *keys_[index];
  const KeyLimits& limits = key.limits;
  if (limits.concurrent > 0 && key.running >= limits.concurrent) {
    return Exceeded(
        fmt::format("Rate limit reached: {} requests of this API key are under way, of {} at once",
                    key.running, limits.concurrent),
        1);
  }
  if (limits.requests_per_minute > 0) {
    if (key.requests.LeftAt(now) < 1) {
      const double seconds = key.requests.SecondsUntil(1);
      return Exceeded(
          fmt::format("Rate limit reached on requests per min (RPM): limit {}; please try again in {}",
                      limits.requests_per_minute, Duration(seconds)),
          seconds);
    }
    key.requests.left -= 1;
  }
  ++key.running;
  *place = Place(&key, [this](const void* taken) {
    const std::lock_guard giving(mutex_);
    --static_cast<Key*>(const_cast<void*>(taken))->running;
  });
  return std::nullopt;
}

Problem Quotas::TakeTokens(size_t index, int64_t tokens, Time now) {
  if (index >= keys_.size() || keys_[index]->limits.tokens_per_minute == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Bucket& bucket = keys_[index]->tokens;
  const double wanted = static_cast<double>(std::min(tokens, bucket.per_minute));
  if (bucket.LeftAt(now) < wanted) {
    const double seconds = bucket.SecondsUntil(wanted);
    return Exceeded(
        fmt::format(
            "Rate limit reached on tokens per min (TPM): limit {}, left {:.0f}, requested {}; please try "
            "again in {}",
            bucket.per_minute, bucket.left, tokens, Duration(seconds)),
        seconds);
  }
  bucket.left -= static_cast<double>(tokens);
  return std::nullopt;
}

void Quotas::AddTokens(size_t index, int64_t tokens) {
  if (index >= keys_.size() || keys_[index]->limits.tokens_per_minute == 0) return;
  const std::lock_guard lock(mutex_);
  keys_[index]->tokens.left -= static_cast<double>(tokens);
}

HttpHeaders Quotas::Headers(std::string_view of, const Bucket& bucket) {
  const double left = std::max(0.0, std::floor(bucket.left));
  return {{fmt::format("x-ratelimit-limit-{}", of), fmt::format("{}", bucket.per_minute)},
          {fmt::format("x-ratelimit-remaining-{}", of), fmt::format("{:.0f}", left)},
          {fmt::format("x-ratelimit-reset-{}", of),
           Duration(bucket.SecondsUntil(static_cast<double>(bucket.per_minute)))}};
}

HttpHeaders Quotas::RequestHeaders(size_t key, Time now) {
  if (key >= keys_.size() || keys_[key]->limits.requests_per_minute == 0) return {};
  const std::lock_guard lock(mutex_);
  keys_[key]->requests.LeftAt(now);
  return Headers("requests", keys_[key]->requests);
}

HttpHeaders Quotas::TokenHeaders(size_t key, Time now) {
  if (key >= keys_.size() || keys_[key]->limits.tokens_per_minute == 0) return {};
  const std::lock_guard lock(mutex_);
  keys_[key]->tokens.LeftAt(now);
  return Headers("tokens", keys_[key]->tokens);
}

}  // namespace tern
