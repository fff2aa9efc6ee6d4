#include "engine/speculation/speculator.h"

#include <algorithm>

namespace tern {

Speculator::Speculator(const SpeculatorOptions& options, std::unique_ptr<DraftModel> model)
    : options_(options), most_(options.most), model_(std::move(model)) {
  const auto requests = static_cast<size_t>(options.requests);
  if (model_ && options.always) model_->TakeAnyTime();
  work_.reserve(requests);
  texts_.reserve(requests);
  chosen_.reserve(requests);
}

std::unique_ptr<Speculator::Request> Speculator::Begin(size_t context) {
  return std::make_unique<Request>(Request{.text = DraftText(options_.most, model_ ? 0 : context, usual_),
                                           .line = model_ ? model_->Begin() : nullptr});
}

void Speculator::Add(Request* request, std::span<const int32_t> said, int left) {
  work_.push_back({.text = &request->text, .line = request->line.get(), .said = said, .left = left});
}

std::span<const int> Speculator::Choose(int most) {
  texts_.clear();
  for (const DraftModel::Work& work : work_) {
    work.text->SetMost(most_);
    if (model_) {
      work.text->Clear();
    } else {
      work.text->Look(work.said);
    }
    texts_.push_back(work.text);
  }
  chosen_.assign(texts_.size(), 0);
  drafting_s_ = 0;
  if (most_ == 0) return chosen_;
  if (model_) {
    model_->Draft(work_, costs());
    drafting_s_ = model_->seconds();
  }
  if (options_.always) {
    TakeAll(most);
  } else {
    lengths_.Choose(texts_, most, chosen_);
  }
  return chosen_;
}

void Speculator::TakeAll(int most) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    chosen_[i] = std::min(texts_[i]->size(), most);
    most -= chosen_[i];
  }
}

bool Speculator::Learn(Request& request, int i, int32_t token) {
  if (i >= request.text.size()) return false;
  const bool right = request.text.Learn(i, token, &usual_);
  if (model_) model_->Learn(right);
  return right;
}

void Speculator::EndStep(int rows, double seconds) { lengths_.Learn(rows, seconds - drafting_s_); }

}  // namespace tern
