#include "compress/part.h"

namespace tern {

#define PART(id) extern const PartDesc k_part_##id;
#include "compress/parts.list"
#undef PART

std::span<const PartDesc* const> AllParts() {
  static constexpr const PartDesc* kAll[] = {
#define PART(id) &k_part_##id,
#include "compress/parts.list"
#undef PART
  };
  return kAll;
}

const PartDesc* FindPart(std::string_view name) {
  for (const PartDesc* part : AllParts()) {
    if (part->name == name) return part;
  }
  return nullptr;
}

std::vector<PartTensor> LayoutOf(const Scheme& scheme, int64_t rows, int64_t columns) {
  if (scheme.part != nullptr) return scheme.part->layout.value(scheme, rows, columns);
  return {{"", scheme.format, {rows, columns}}};
}

const Format* PartFormat(int64_t width) {
  const Format* bytes = FindFormat("q8_0");
  return width % bytes->block_weights == 0 ? bytes : FindFormat("f16");
}

namespace {

struct Decoder {
  const std::vector<PartTensor>& layout;
  const std::vector<std::string>& bytes;

  std::vector<float> Row(std::string_view suffix, int64_t row) const {
    for (size_t i = 0; i < layout.size(); ++i) {
      const PartTensor& tensor = layout[i];
      if (tensor.suffix != suffix) continue;
      const bool vector = tensor.shape.size() == 1;
      std::vector<float> numbers(static_cast<size_t>(tensor.shape[vector ? 0 : 1]));
      const int64_t offset = vector ? 0 : row * tensor.RowBytes();
      tensor.format->decode(bytes[i].data() + offset, 0, numbers.data(), numbers.size());
      return numbers;
    }
    return {};
  }
};

}  // namespace

std::vector<float> DecodeParts(const std::vector<PartTensor>& layout, const std::vector<std::string>& bytes,
                               std::span<const int64_t> rows, int64_t columns) {
  const Decoder decoder{layout, bytes};
  const auto width = static_cast<size_t>(columns);
  std::vector<std::vector<float>> a;
  const size_t rank = decoder.Row(kLowRankB, 0).size();
  for (size_t r = 0; r < rank; ++r) a.push_back(decoder.Row(kLowRankA, static_cast<int64_t>(r)));
  const std::vector<float> chosen = decoder.Row(kOutlierColumns, 0);
  std::vector<float> numbers;
  for (const int64_t at : rows) {
    std::vector<float> row = decoder.Row("", at);
    row.resize(width);
    const std::vector<float> b = decoder.Row(kLowRankB, at), outliers = decoder.Row(kOutliers, at);
    for (size_t r = 0; r < b.size(); ++r) {
      for (size_t j = 0; j < width; ++j) row[j] += b[r] * a[r][j];
    }
    for (size_t i = 0; i < outliers.size(); ++i) row[static_cast<size_t>(chosen[i])] += outliers[i];
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  return numbers;
}

}  // namespace tern
