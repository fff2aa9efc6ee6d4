#include "backends/cpu/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/build_id.h"
#include "base/isa.h"

namespace tern {
namespace {

// Less is packed sooner than a file is looked for.
constexpr size_t kMinFileBytes = size_t{8} << 20;
// Weights that are packed at a time, before the pages they were read from are given back.
constexpr size_t kSliceBytes = size_t{64} << 20;

size_t AlignUp(size_t n) { return (n + kPackedAlignment - 1) / kPackedAlignment * kPackedAlignment; }

void DropSource(const PackedWeight& weight, std::span<const MappedFile> files) {
  const Tensor& first = weight.source();
  const size_t bytes = weight.experts() * static_cast<size_t>(first.rows()) * first.row_bytes();
  for (const MappedFile& file : files) file.DropPages({static_cast<const std::byte*>(first.data), bytes});
}

}  // namespace

Result<std::shared_ptr<const PackedWeight>> WeightCache::Packed(const Value& weight, PackForm form) {
  std::weak_ptr<const PackedWeight>& slot = packed_[{weight.data, form}];
  if (auto packed = slot.lock(); packed != nullptr && packed->IsOf(weight.type.shape)) return packed;

  auto made = PackedWeight::Make(weight.tensor(), form, isa_);
  if (!made.ok()) return Error{made.error().code, weight.name + ": " + made.error().what};
  auto packed = std::make_shared<PackedWeight>(std::move(made).value());
  if (packed->bytes() > 0) pending_.push_back({packed, weight.name});
  slot = packed;
  return std::shared_ptr<const PackedWeight>(packed);
}

size_t WeightCache::LayOut() {
  size_t bytes = 0;
  for (Pending& pending : pending_) {
    pending.offset = bytes;
    bytes += AlignUp(pending.weight->bytes());
  }
  return bytes;
}

// All that the panels' bytes depend on, but for the contents of the files.
Hash128 WeightCache::Describe() const {
  std::string text = fmt::format("{} {}\n", BuildId(), IsaName(isa_));
  for (const Pending& p : pending_) {
    text += fmt::format("{} {} {}x{} {} {}\n", p.name, p.weight->source().format->name, p.weight->experts(),
                        ToString(p.weight->source().shape), static_cast<int>(p.weight->form()), p.offset);
  }
  return HashBytes(std::as_bytes(std::span(text)));
}

WeightCache::Filled WeightCache::Fill(const WeightFiles& files) {
  Filled filled;
  const size_t bytes = LayOut();
  const bool may_use_file =
      bytes >= kMinFileBytes && !files.sources.empty() && !files.cache_paths.empty() && !BuildId().empty();
  const Hash128 plan = may_use_file ? Describe() : Hash128{};
  PackedContents contents;
  if (auto found = may_use_file ? OpenPackedFile(files, plan, bytes, team_) : std::nullopt) {
    contents = *found;
    filled.mapped_bytes = bytes;
  } else if (files.pack_later && PaysLater()) {
    later_ = std::move(pending_);
    filled.later = ++ticket_;
    return filled;
  } else {
    const auto memory = std::make_shared<Buffer>(bytes);
    PackAll(static_cast<uint8_t*>(memory->data()), files);
    contents = {memory, {static_cast<const std::byte*>(memory->data()), bytes}, true};
  }
  Share(contents.owner, reinterpret_cast<const uint8_t*>(contents.bytes.data()));
  if (may_use_file && contents.moved) {
    filled.writer = std::make_unique<PackedFileWriter>(files, plan, std::move(contents));
  }
  return filled;
}

// What the first step packs is packed twice.
bool WeightCache::PaysLater() const {
  size_t cheap = 0, all = 0;
  for (const Pending& pending : pending_) {
    all += pending.weight->bytes();
    if (pending.weight->packs_cheaply()) cheap += pending.weight->bytes();
  }
  return 2 * cheap > all;
}

WeightCache::Filled WeightCache::FillPutOff(WeightFiles files) {
  files.pack_later = false;
  pending_ = std::exchange(later_, {});
  return Fill(files);
}

WeightCache::Filled WeightCache::FillLater(uint64_t ticket, const WeightFiles& files) {
  const auto lock = Hold();
  return ticket == ticket_ && !later_.empty() ? FillPutOff(files) : Filled{};
}

void WeightCache::DropLater(uint64_t ticket) {
  const auto lock = Hold();
  if (ticket == ticket_) later_.clear();
}

void WeightCache::Share(const std::shared_ptr<const void>& owner, const uint8_t* memory) {
  for (const Pending& pending : pending_) pending.weight->Use(owner, memory + pending.offset);
  pending_.clear();
}

void WeightCache::PackAll(uint8_t* memory, const WeightFiles& files) {
  for (size_t begin = 0; begin < pending_.size();) {
    size_t end = begin, bytes = 0;
    while (end < pending_.size() && bytes < kSliceBytes) bytes += pending_[end++].weight->bytes();
    const auto slice = std::span<const Pending>(pending_).subspan(begin, end - begin);
    PackSome(slice, memory);
    for (const Pending& pending : slice) DropSource(*pending.weight, files.sources);
    begin = end;
  }
}

// The panels of all weights, one after another, are the team's tasks.
void WeightCache::PackSome(std::span<const Pending> weights, uint8_t* memory) {
  std::vector<size_t> first = {0};
  for (const Pending& p : weights) first.push_back(first.back() + p.weight->experts() * p.weight->panels());
  TaskCounter counter;
  team_.Run([&](int) {
    counter.ForEach(first.back(), 4, [&](size_t begin, size_t end) {
      auto i = static_cast<size_t>(std::upper_bound(first.begin(), first.end(), begin) - first.begin()) - 1;
      for (; begin < end; begin = first[++i]) {
        weights[i].weight->Pack(memory + weights[i].offset, begin - first[i],
                                std::min(end, first[i + 1]) - first[i]);
      }
    });
  });
}

std::shared_ptr<const float> WeightCache::Floats(const Value& weight) {
  if (weight.type.format == &F32()) {
    return {std::shared_ptr<const float>(), static_cast<const float*>(weight.data)};
  }
  auto values = std::make_shared<std::vector<float>>(DecodeAll(weight.tensor()));
  return {values, values->data()};
}

}  // namespace tern
