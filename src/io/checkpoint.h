#pragma once
// Checkpoint: what a model file holds: metadata and named tensors, whatever the file format. Tensors look
// into a private read-only mapping that the checkpoint owns.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/sandbox.h"
#include "tensor/tensor.h"

namespace tern {

// A metadata value: a scalar, or an array of scalars of one kind. Integers of all widths become int64 or
// uint64.
using MetaValue =
    std::variant<bool, int64_t, uint64_t, double, std::string, std::vector<bool>, std::vector<int64_t>,
                 std::vector<uint64_t>, std::vector<double>, std::vector<std::string>>;

class Metadata {
 public:
  void Set(std::string key, MetaValue value) { map_.insert_or_assign(std::move(key), std::move(value)); }
  void Erase(std::string_view key) {
    if (const auto found = map_.find(key); found != map_.end()) map_.erase(found);
  }
  bool Has(std::string_view key) const { return map_.find(key) != map_.end(); }
  // A key that stands in the file with no value, as JSON's null: to all but IsNull it is absent.
  void SetNull(std::string_view key) {
    Erase(key);
    nulls_.emplace(key);
  }
  bool IsNull(std::string_view key) const { return nulls_.contains(key) && !Has(key); }
  const std::set<std::string, std::less<>>& nulls() const { return nulls_; }
  const MetaValue* Find(std::string_view key) const;
  // The typed value; an error that names the key where it is missing or of another kind. With a fallback,
  // missing is no error.
  Result<int64_t> Int(std::string_view key) const;
  Result<int64_t> Int(std::string_view key, int64_t fallback) const;
  Result<double> Float(std::string_view key) const;
  Result<double> Float(std::string_view key, double fallback) const;
  Result<bool> Bool(std::string_view key, bool fallback) const;
  Result<std::string> Str(std::string_view key) const;
  Result<std::string> Str(std::string_view key, std::string_view fallback) const;
  const std::vector<std::string>* Strings(std::string_view key) const;  // nullptr: absent or of another kind
  const std::map<std::string, MetaValue, std::less<>>& all() const { return map_; }

 private:
  std::map<std::string, MetaValue, std::less<>> map_;
  std::set<std::string, std::less<>> nulls_;
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  virtual const Metadata& metadata() const = 0;
  // All tensors in file order.
  virtual std::span<const std::pair<std::string, Tensor>> tensors() const = 0;
  virtual const Tensor* Find(std::string_view name) const = 0;  // nullptr: none
  virtual size_t file_bytes() const = 0;
  virtual std::string_view path() const = 0;
  // The files that say what the tensors are. None: they do not come from files.
  virtual std::span<const MappedFile> files() const { return {}; }
  // What the files call a tensor, whether they have it or not; "": the same, or unknown.
  virtual std::string NameInFiles(std::string_view) const { return ""; }
  // A tensor's name for messages: "<as the files call it> (<name>)" where that is another.
  std::string Shown(const std::string& name) const {
    const std::string in_files = NameInFiles(name);
    return in_files.empty() || in_files == name ? name : in_files + " (" + name + ")";
  }
};

// A .gguf file (or the first of its shards). Vocabulary-only files have no tensors.
Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::string& path,
                                                   Isolation isolation = Isolation::kChild);

}  // namespace tern
