#include "models/hf/edits.h"

#include <fmt/format.h>

#include <cstring>

#include "models/hf/int_blocks.h"

namespace tern {
namespace {

bool IsRun(const std::vector<int64_t>& rows) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i] != rows[i - 1] + 1) return false;
  }
  return !rows.empty();
}

Status CheckChoice(std::string_view name, const std::vector<int64_t>& chosen, int64_t count) {
  for (const int64_t row : chosen) {
    if (row < 0 || row >= count) {
      return BadInput(fmt::format("{}: {} rows, but the config's sizes ask for row {}", name, count, row));
    }
  }
  if (chosen.empty()) return BadInput(fmt::format("{}: the config's sizes leave no rows of {}", name, count));
  return {};
}

}  // namespace

void* HfEditor::Allocate(size_t bytes) { return buffers_.emplace_back(bytes).data(); }

Tensor HfEditor::Floats(const std::vector<float>& values) {
  void* data = Allocate(values.size() * sizeof(float));
  if (!values.empty()) std::memcpy(data, values.data(), values.size() * sizeof(float));
  return {&F32(), {static_cast<int64_t>(values.size())}, data};
}

Result<Tensor> HfEditor::Transpose(std::string_view name, const Tensor& tensor) {
  if (tensor.shape.size() < 2) {
    return BadInput(fmt::format("{}: {}, expected a matrix", name, ToString(tensor.shape)));
  }
  if (tensor.format->block_weights != 1) {
    Tensor plain = Floats(DecodeAll(tensor));
    plain.shape = tensor.shape;
    return Transpose(name, plain);
  }
  Tensor out{tensor.format, tensor.shape, nullptr};
  std::swap(out.shape[out.shape.size() - 1], out.shape[out.shape.size() - 2]);
  const size_t size = tensor.format->block_bytes;
  const auto rows = static_cast<size_t>(out.cols()), cols = static_cast<size_t>(tensor.cols());
  const size_t matrices = rows * cols == 0 ? 0 : static_cast<size_t>(Elements(tensor.shape)) / (rows * cols);
  auto* to = static_cast<char*>(Allocate(matrices * rows * cols * size));
  out.data = to;
  const auto* from = static_cast<const char*>(tensor.data);
  for (size_t m = 0; m < matrices; ++m, from += rows * cols * size, to += rows * cols * size) {
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < cols; ++c)
        std::memcpy(to + (c * rows + r) * size, from + (r * cols + c) * size, size);
    }
  }
  return out;
}

Tensor HfEditor::PlusOne(const Tensor& tensor) {
  std::vector<float> values = DecodeAll(tensor);
  for (float& value : values) value += 1;
  Tensor out = Floats(values);
  out.shape = tensor.shape;
  return out;
}

Result<Tensor> HfEditor::SplitHeads(std::string_view name, const Tensor& tensor, int64_t heads) {
  if (tensor.shape.size() != 2 || heads <= 0 || tensor.shape[0] % heads != 0) {
    return BadInput(fmt::format("{}: {}, expected a matrix with the rows of {} heads", name,
                                ToString(tensor.shape), heads));
  }
  return Tensor{tensor.format, {heads, tensor.shape[0] / heads, tensor.shape[1]}, tensor.data};
}

// Along the last dimension but one; along the only one of a vector.
Result<Tensor> HfEditor::ChooseRows(std::string_view name, const Tensor& tensor, HfRowsFn choose,
                                    HfDims dims) {
  if (tensor.shape.size() == 1) return ChooseColumns(name, tensor, choose, dims);
  const size_t axis = tensor.shape.size() - 2;
  dims.rows = tensor.shape[axis];
  const std::vector<int64_t> rows = choose(dims);
  TERN_TRY_STATUS(CheckChoice(name, rows, dims.rows));
  Tensor out = tensor;
  out.shape[axis] = static_cast<int64_t>(rows.size());
  if (axis == 0 && IsRun(rows)) {
    out.data = tensor.row(rows[0]);
    return out;
  }
  const int64_t matrices = tensor.rows() / dims.rows;
  const size_t row_bytes = tensor.row_bytes();
  auto* to = static_cast<char*>(Allocate(static_cast<size_t>(matrices) * rows.size() * row_bytes));
  out.data = to;
  for (int64_t m = 0; m < matrices; ++m) {
    for (const int64_t row : rows) {
      std::memcpy(to, tensor.row(m * dims.rows + row), row_bytes);
      to += row_bytes;
    }
  }
  return out;
}

Result<Tensor> HfEditor::ChooseColumns(std::string_view name, const Tensor& tensor, HfRowsFn choose,
                                       HfDims dims) {
  if (tensor.format->block_weights != 1) {
    return BadInput(fmt::format("{}: {}, expected plain numbers", name, tensor.format->name));
  }
  dims.rows = tensor.cols();
  const std::vector<int64_t> columns = choose(dims);
  TERN_TRY_STATUS(CheckChoice(name, columns, dims.rows));
  Tensor out = tensor;
  out.shape.back() = static_cast<int64_t>(columns.size());
  const size_t size = tensor.format->block_bytes;
  auto* to = static_cast<char*>(Allocate(static_cast<size_t>(tensor.rows()) * columns.size() * size));
  out.data = to;
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    const auto* from = static_cast<const char*>(tensor.row(r));
    for (const int64_t column : columns) {
      std::memcpy(to, from + static_cast<size_t>(column) * size, size);
      to += size;
    }
  }
  return out;
}

Result<Tensor> HfEditor::Apply(std::string_view name, const Tensor& tensor, const HfRule& rule, HfDims dims) {
  Tensor out = tensor;
  if ((rule.edit & kHfHeads) != 0) {
    TERN_TRY(out, SplitHeads(name, out, dims.heads));
  }
  if ((rule.edit & kHfTranspose) != 0) {
    TERN_TRY(out, Transpose(name, out));
  }
  if (rule.rows != nullptr && (rule.edit & kHfColumns) == 0) {
    TERN_TRY(out, ChooseRows(name, out, rule.rows, dims));
  }
  if (rule.rows != nullptr && (rule.edit & kHfColumns) != 0) {
    TERN_TRY(out, ChooseColumns(name, out, rule.rows, dims));
  }
  return (rule.edit & kHfPlusOne) != 0 ? PlusOne(out) : out;
}

Result<Tensor> HfEditor::Stack(std::string_view name, const std::vector<Tensor>& tensors) {
  const Tensor& first = tensors.front();
  for (const Tensor& tensor : tensors) {
    if (tensor.shape == first.shape) continue;
    return BadInput(fmt::format("{}: experts of different shapes: {} and {}", name, ToString(first.shape),
                                ToString(tensor.shape)));
  }
  Tensor out{&CommonFormat(tensors), first.shape, nullptr};
  const size_t bytes = static_cast<size_t>(out.rows()) * out.row_bytes();
  out.shape.insert(out.shape.begin(), static_cast<int64_t>(tensors.size()));
  auto* to = static_cast<uint8_t*>(Allocate(bytes * tensors.size()));
  out.data = to;
  for (const Tensor& tensor : tensors) {
    WriteIn(*out.format, tensor, to);
    to += bytes;
  }
  return out;
}

}  // namespace tern
