#include "engine/speculation/draft_text.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

// Of one draft against all before: of a request, and of all requests.
constexpr float kOwnWeight = 1.f / 10, kUsualWeight = 1.f / 80;
constexpr float kLeastShare = 0.02f, kMostShare = 0.98f;

// By how many tokens in front of it stood there before.
uint8_t GradeOf(int length) {
  constexpr std::array<int, Acceptance::kGrades> kFrom = {2, 3, 4, 6, 10, 18};
  return static_cast<uint8_t>(std::ranges::upper_bound(kFrom, length) - kFrom.begin() - 1);
}

}  // namespace

DraftText::DraftText(int most, size_t context, const Acceptance& usual)
    : most_(most), index_(context), acceptance_(usual) {
  tokens_.reserve(static_cast<size_t>(most));
  grades_.reserve(static_cast<size_t>(most));
  gains_.reserve(static_cast<size_t>(most));
  shares_.reserve(static_cast<size_t>(most));
}

void DraftText::Clear() {
  tokens_.clear();
  grades_.clear();
  gains_.clear();
  shares_.clear();
  expected_ = 1;
}

void DraftText::Add(int32_t token, uint8_t grade) {
  const float share =
      std::clamp(acceptance_.Of(grade), kLeastShare, kMostShare) * (shares_.empty() ? 1.f : shares_.back());
  tokens_.push_back(token);
  grades_.push_back(grade);
  shares_.push_back(share);
  gains_.push_back(std::log1p(share / expected_));
  expected_ += share;
}

void DraftText::Look(std::span<const int32_t> text) {
  Clear();
  index_.Update(text);
  const NgramMatch match = index_.Find(text);
  if (match.length == 0) return;
  for (int i = 0; i < most_; ++i) {
    const auto from = static_cast<size_t>(match.next + i);
    Add(from < text.size() ? text[from] : tokens_[from - text.size()], GradeOf(match.length + i));
  }
}

bool DraftText::Learn(int i, int32_t token, Acceptance* usual) {
  if (i >= size()) return false;
  const auto at = static_cast<size_t>(i);
  const bool right = tokens_[at] == token;
  acceptance_.Add(grades_[at], right, kOwnWeight);
  usual->Add(grades_[at], right, kUsualWeight);
  return right;
}

}  // namespace tern
