#include "malformed/broken_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "malformed/blueprint.h"
#include "tensor/format.h"

namespace tern {
namespace {

constexpr std::string_view kBadUtf8[] = {
    "\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
    "\xFF"};

class Generator {
 public:
  Generator(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit)
      : random_(seed), left_(count), visit_(visit) {}
  void Run();

 private:
  // Hands one file out; false: there are enough.
  bool Emit(std::string what, std::string bytes, bool may_load);
  bool EmitShards(std::string what, std::vector<std::string> shards, bool may_load);
  uint64_t Pick(uint64_t below) { return random_() % below; }

  void BreakFields(const Blueprint& file);
  void BreakNames(const Blueprint& file);
  void Cut(const Blueprint& file);
  void InsertAndRemove(const Blueprint& file);
  void BuildWrong();
  void BuildWrongTensors();
  void NestArrays();
  void BreakShards();
  void DamageAtRandom();
  std::string Damage(const Blueprint& file);

  std::mt19937_64 random_;
  size_t left_;
  const std::function<void(const Broken&)>& visit_;
  const std::vector<Blueprint> files_ = ValidFiles();
  const std::vector<Blueprint> shards_ = ValidShards();
};

bool Generator::Emit(std::string what, std::string bytes, bool may_load) {
  if (left_ == 0) return false;
  --left_;
  visit_({std::move(what), {{"m.gguf", std::move(bytes)}}, may_load});
  return true;
}

bool Generator::EmitShards(std::string what, std::vector<std::string> shards, bool may_load) {
  if (left_ == 0) return false;
  --left_;
  Broken broken{std::move(what), {}, may_load};
  for (size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].empty()) continue;  // missing
    broken.files.emplace_back(fmt::format("m-{:05}-of-{:05}.gguf", i + 1, shards.size()),
                              std::move(shards[i]));
  }
  visit_(broken);
  return true;
}

std::string WithField(const Blueprint& file, const Field& field, uint64_t value) {
  std::string bytes = file.bytes();
  std::memcpy(bytes.data() + field.offset, &value, std::min<size_t>(field.bytes, 8));
  return bytes;
}

// Values that tend to hurt, cut to the field's width, without the present one.
std::set<uint64_t> HurtfulValues(const Blueprint& file, const Field& field) {
  const uint64_t now = file.ValueOf(field);
  const uint64_t left = file.bytes().size() - field.offset - field.bytes;
  const uint64_t mask = field.bytes >= 8 ? UINT64_MAX : (uint64_t{1} << (8 * field.bytes)) - 1;
  std::set<uint64_t> values;
  for (const uint64_t value : {uint64_t{0},
                               uint64_t{1},
                               uint64_t{2},
                               uint64_t{3},
                               uint64_t{9},
                               uint64_t{13},
                               now - 1,
                               now + 1,
                               now * 2,
                               now ^ 0x80,
                               ~now,
                               __builtin_bswap64(now),
                               left - 1,
                               left,
                               left + 1,
                               left / 8 + 1,
                               file.bytes().size(),
                               uint64_t{0x7F},
                               uint64_t{0x80},
                               uint64_t{0xFFFF},
                               uint64_t{1} << 16,
                               (uint64_t{1} << 20) + 1,
                               (uint64_t{1} << 24) + 1,
                               uint64_t{1} << 31,
                               (uint64_t{1} << 32) - 1,
                               uint64_t{1} << 32,
                               (uint64_t{1} << 42) + 1,
                               (uint64_t{1} << 61) + 1,
                               uint64_t{1} << 62,
                               (uint64_t{1} << 63) - 1,
                               uint64_t{1} << 63,
                               UINT64_MAX - 31,
                               UINT64_MAX - 7,
                               UINT64_MAX}) {
    values.insert(value & mask);
  }
  values.erase(now & mask);
  return values;
}

// An independent, simple statement of what can never be right, whatever else the file says.
bool IsNonsense(const Blueprint& file, const Field& field, uint64_t value) {
  const uint64_t left = file.bytes().size() - field.offset - field.bytes;
  switch (field.kind) {
    case FieldKind::kMagic:
      return true;
    case FieldKind::kVersion:
      return value != 2 && value != 3;
    case FieldKind::kTensorCount:
    case FieldKind::kKeyCount:
    case FieldKind::kLength:
    case FieldKind::kArrayLength:
      return value > left;
    case FieldKind::kValueType:
      return value > 12;
    case FieldKind::kElementType:
      return value > 12 || value == 9;
    case FieldKind::kBool:
      return value > 1;
    case FieldKind::kAlignment:
      return value == 0 || (value & (value - 1)) != 0;
    case FieldKind::kDims:
      return value > 4;
    case FieldKind::kDim:
      return value == 0 || value > 8 * file.bytes().size();
    case FieldKind::kTensorType:
      return FindGgufType(static_cast<uint32_t>(value)) == nullptr;
    case FieldKind::kOffset:
      return value % 8 != 0 || value > file.bytes().size();
    case FieldKind::kName:
    case FieldKind::kText:
    case FieldKind::kNumber:
      return false;
  }
  return false;
}

// Fields whose letters or value mean nothing to the reader are left alone, and of fields that repeat the
// first few of a kind and the last are enough.
std::vector<Field> FieldsToBreak(const Blueprint& file, size_t most_of_a_kind) {
  std::map<FieldKind, size_t> seen, all;
  for (const Field& field : file.fields()) ++all[field.kind];
  std::vector<Field> chosen;
  for (const Field& field : file.fields()) {
    const size_t number = ++seen[field.kind];
    if (field.kind == FieldKind::kName || field.kind == FieldKind::kText) continue;
    if (number <= most_of_a_kind || number == all[field.kind]) chosen.push_back(field);
  }
  return chosen;
}

void Generator::BreakFields(const Blueprint& file) {
  for (const Field& field : FieldsToBreak(file, 2)) {
    if (field.kind == FieldKind::kNumber) continue;
    for (const uint64_t value : HurtfulValues(file, field)) {
      const bool may_load = !IsNonsense(file, field, value);
      const std::string what =
          fmt::format("{}: {} at {} is {}", file.name(), NameOf(field.kind), field.offset, value);
      if (!Emit(what, WithField(file, field, value), may_load)) return;
    }
  }
}

void Generator::BreakNames(const Blueprint& file) {
  for (const Field& field : file.fields()) {
    if (field.kind != FieldKind::kName) continue;
    for (const std::string_view bad : kBadUtf8) {
      if (bad.size() > field.bytes) continue;
      std::string bytes = file.bytes();
      bytes.replace(field.offset, field.bytes, std::string(bad) + std::string(field.bytes - bad.size(), 'a'));
      if (!Emit(fmt::format("{}: bad UTF-8 in the name at {}", file.name(), field.offset), bytes, false))
        return;
    }
  }
}

// The last tensor ends the file, so every cut is an error; beyond the header not every byte is worth a file.
void Generator::Cut(const Blueprint& file) {
  const size_t all = file.bytes().size();
  for (size_t size = 0; size < all; size += size < file.header_bytes() + 40 || size + 8 > all ? 1 : 61) {
    if (!Emit(fmt::format("{}: cut to {} of {} bytes", file.name(), size, all), file.bytes().substr(0, size),
              false)) {
      return;
    }
  }
}

void Generator::InsertAndRemove(const Blueprint& file) {
  for (const Field& field : file.fields()) {
    std::string more = file.bytes(), fewer = file.bytes();
    more.insert(field.offset, 1 + Pick(16), static_cast<char>(Pick(256)));
    fewer.erase(field.offset, 1 + Pick(16));
    if (!Emit(fmt::format("{}: bytes inserted at {}", file.name(), field.offset), more, true)) return;
    if (!Emit(fmt::format("{}: bytes removed at {}", file.name(), field.offset), fewer, true)) return;
  }
}

// Arrays of arrays, up to a depth that would overflow the stack of a parser that recurses.
void Generator::NestArrays() {
  for (const size_t depth : {1, 2, 3, 10, 100, 1000, 10000, 200000}) {
    for (const uint64_t count : {uint64_t{0}, uint64_t{1}, uint64_t{2}, UINT64_MAX}) {
      Blueprint file("");
      file.Header(0, 1).Array("nested", 9, count);
      std::string bytes = file.bytes();
      for (size_t i = 1; i < depth; ++i) {
        const uint32_t array = 9;
        const uint64_t one = 1;
        bytes.append(reinterpret_cast<const char*>(&array), 4).append(reinterpret_cast<const char*>(&one), 8);
      }
      bytes.append(64, '\0');
      if (!Emit(fmt::format("arrays nested {} deep, outer length {}", depth, count), bytes, false)) return;
    }
  }
}

void Generator::BuildWrong() {
  for (const uint64_t alignment : {0, 1, 2, 3, 4, 5, 7, 12, 24, 31, 33, 48, 96, 1000, 1 << 21, 1 << 30}) {
    Blueprint file("");
    file.Header(1, 1)
        .Uint32("general.alignment", static_cast<uint32_t>(alignment))
        .Tensor("a", {8}, 0, 0)
        .Data(32, 64);
    Emit(fmt::format("alignment {}", alignment), file.bytes(), false);
  }
  for (uint32_t type = 0; type < 13;
       ++type) {  // the alignment in a type that cannot hold 32, or is no number
    Blueprint file("");
    file.Header(0, 1).Key("general.alignment", type).Put<uint64_t>(0).Put<uint64_t>(0);
    Emit(fmt::format("alignment of type {}", type), file.bytes(), false);
  }
  for (int copies = 2; copies < 6; ++copies) {
    Blueprint file("");
    file.Header(0, static_cast<uint64_t>(copies));
    for (int i = 0; i < copies; ++i) file.Uint32("general.alignment", 32);
    Emit(fmt::format("one key {} times", copies), file.bytes(), false);
  }
  for (const uint64_t length : {uint64_t{0}, uint64_t{1025}, uint64_t{70000}}) {
    Blueprint key(""), name("");
    key.Header(0, 1).Uint32(std::string(length, 'k'), 1);
    name.Header(1, 0).Tensor(std::string(length, 'n'), {8}, 0, 0).Data(32, 32);
    Emit(fmt::format("key of {} bytes", length), key.bytes(), false);
    Emit(fmt::format("tensor name of {} bytes", length), name.bytes(), false);
  }
  for (const size_t keys : {size_t{65537}, size_t{100000}}) {
    Blueprint file("");
    file.Header(0, keys);
    for (size_t i = 0; i < keys; ++i) file.Key(fmt::format("k{}", i), 7).Put<uint8_t>(0, FieldKind::kBool);
    Emit(fmt::format("{} keys", keys), file.bytes(), false);
  }
}

void Generator::BuildWrongTensors() {
  for (const uint64_t shift : {0, 32, 64, 96, 128, 160, 192, 224}) {  // the second starts inside the first
    Blueprint file("");
    file.Header(2, 0).Tensor("a", {64}, 0, 0).Tensor("b", {64}, 0, shift).Data(32, 1024);
    Emit(fmt::format("tensors overlap from {} on", shift), file.bytes(), false);
    Blueprint turned("");
    turned.Header(2, 0).Tensor("a", {64}, 0, shift).Tensor("b", {64}, 0, 0).Data(32, 1024);
    Emit(fmt::format("tensors overlap from {} on, turned round", shift), turned.bytes(), false);
  }
  for (const size_t tensors : {2, 3, 50, 5000}) {
    Blueprint same_name(""), same_place("");
    same_name.Header(tensors, 0), same_place.Header(tensors, 0);
    for (size_t i = 0; i < tensors; ++i) {
      same_name.Tensor("w", {8}, 0, 32 * i);
      same_place.Tensor(fmt::format("w{}", i), {8}, 0, 0);
    }
    Emit(fmt::format("{} tensors of one name", tensors), same_name.Data(32, 32 * tensors).bytes(), false);
    Emit(fmt::format("{} tensors in one place", tensors), same_place.Data(32, 32).bytes(), false);
  }
  for (const Format* format : AllFormats()) {
    for (const uint64_t off :
         {uint64_t{1}, uint64_t{format->block_weights - 1}, uint64_t{format->block_weights} / 2}) {
      if (off == 0 || off == format->block_weights) continue;
      if (format->block_weights == 1) continue;
      Blueprint file("");
      file.Header(1, 0).Tensor("w", {format->block_weights + off}, format->gguf_type, 0).Data(32, 4096);
      Emit(fmt::format("{}: a row of {} weights", format->name, format->block_weights + off), file.bytes(),
           false);
    }
  }
  // Products that wrap round to something small.
  const std::vector<std::vector<uint64_t>> wrapping = {
      {uint64_t{1} << 32, uint64_t{1} << 32},
      {uint64_t{1} << 62, 4, 1, 1},
      {(uint64_t{1} << 42) + 1, uint64_t{1} << 22},
      {uint64_t{1} << 16, uint64_t{1} << 16, uint64_t{1} << 16, uint64_t{1} << 16},
      {uint64_t{1} << 63, 2},
      {uint64_t{1} << 62},
      {UINT64_MAX},
      {32, UINT64_MAX / 32 + 1},
      {256, uint64_t{1} << 55, 2}};
  for (const auto& dims : wrapping) {
    for (const Format* format : AllFormats()) {
      Blueprint file("");
      file.Header(1, 0).Tensor("w", dims, format->gguf_type, 0).Data(32, 4096);
      Emit(fmt::format("{}: dimensions that wrap, from {}", format->name, dims[0]), file.bytes(), false);
    }
  }
}

void Generator::BreakShards() {
  const auto bytes = [&] {
    return std::vector<std::string>{shards_[0].bytes(), shards_[1].bytes(), shards_[2].bytes()};
  };
  for (size_t i = 0; i < shards_.size(); ++i) {
    const Blueprint& shard = shards_[i];
    auto missing = bytes(), twice = bytes(), cut = bytes();
    missing[i].clear();
    twice[i] = twice[(i + 1) % 3];
    if (i > 0) EmitShards(fmt::format("shard {} is missing", i), missing, false);
    EmitShards(fmt::format("shard {} is there as {} too", (i + 1) % 3, i), twice, false);
    for (size_t size = 1; size < shard.bytes().size(); size += 9) {
      cut[i] = shard.bytes().substr(0, size);
      EmitShards(fmt::format("shard {} is cut to {} bytes", i, size), cut, false);
    }
    for (const Field& field : FieldsToBreak(shard, 2)) {
      for (const uint64_t value : HurtfulValues(shard, field)) {
        auto shards = bytes();
        shards[i] = WithField(shard, field, value);
        const bool may_load = field.kind != FieldKind::kNumber && !IsNonsense(shard, field, value);
        const std::string what =
            fmt::format("shard {}: {} at {} is {}", i, NameOf(field.kind), field.offset, value);
        if (!EmitShards(what, std::move(shards), may_load)) return;
      }
    }
  }
}

// One to four changes, half of them to fields.
std::string Generator::Damage(const Blueprint& file) {
  std::string bytes = file.bytes();
  for (uint64_t changes = 1 + Pick(4); changes > 0; --changes) {
    const Field& field = file.fields()[Pick(file.fields().size())];
    const auto values = HurtfulValues(file, field);
    const uint64_t value = *std::next(values.begin(), static_cast<ptrdiff_t>(Pick(values.size())));
    const size_t at = Pick(bytes.size());
    const Blueprint& other = files_[Pick(files_.size())];
    switch (Pick(6)) {
      case 0:
      case 1:
      case 2:
        if (field.offset + field.bytes <= bytes.size()) {
          std::memcpy(bytes.data() + field.offset, &value, std::min<size_t>(field.bytes, 8));
        }
        break;
      case 3:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << Pick(8)));
        break;
      case 4:
        bytes.replace(at, Pick(24), Pick(24), static_cast<char>(Pick(256)));
        break;
      case 5:
        bytes.replace(at, Pick(64), other.bytes(), Pick(other.bytes().size()), Pick(64));
        break;
    }
    if (bytes.empty()) bytes = "G";
  }
  return bytes;
}

void Generator::DamageAtRandom() {
  for (size_t i = 0; left_ > 0; ++i) {
    const Blueprint& file = files_[i % files_.size()];
    Emit(fmt::format("{}: random damage {}", file.name(), i), Damage(file), true);
  }
}

void Generator::Run() {
  BuildWrong();
  BuildWrongTensors();
  NestArrays();
  BreakShards();
  for (const Blueprint& file : files_) {
    Cut(file);
    BreakFields(file);
    BreakNames(file);
    InsertAndRemove(file);
  }
  DamageAtRandom();
}

}  // namespace

void ForEachBrokenFile(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit) {
  Generator(seed, count, visit).Run();
}

}  // namespace tern
