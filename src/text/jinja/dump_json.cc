// json.dumps() of printing.h.

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Workspace* workspace, const JsonStyle& style) : workspace_(workspace), style_(style) {}

  // Recursion is as deep as the value, which Heap bounds.
  Status Write(const Value& value, int level) {
    switch (value.kind()) {
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        out_ += Scalar(value);
        return {};
      case Kind::kText:
        WriteText(value.bytes());
        return {};
      case Kind::kDict:
        return WriteDict(value.dict(), level);
      case Kind::kSequence:
        if (value.sequence().flavor <= Flavor::kGroup) return WriteList(value.sequence().items, level);
        [[fallthrough]];
      default:
        return TypeError(fmt::format("Object of type {} is not JSON serializable", TypeName(value)));
    }
  }

  std::string TakeText() { return std::move(out_); }

 private:
  static std::string Scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (value.is(Kind::kBool)) return value.boolean() ? "true" : "false";
    if (value.is(Kind::kInt)) return FormatInteger(value.integer());
    if (std::isnan(value.real())) return "NaN";
    if (std::isinf(value.real())) return value.real() < 0 ? "-Infinity" : "Infinity";
    return FormatFloat(value.real());
  }

  void WriteText(std::string_view text) {
    out_ += '"';
    for (size_t pos = 0; pos < text.size();) {
      const size_t begin = pos;
      const uint32_t cp = DecodeAt(text, &pos);
      static constexpr std::string_view kShort = "\"\\\n\r\t\f\b";
      static constexpr std::string_view kLetters = "\"\\nrtfb";
      const size_t known = cp < 0x80 ? kShort.find(static_cast<char>(cp)) : kShort.npos;
      if (known != kShort.npos) {
        out_ += '\\';
        out_ += kLetters[known];
      } else if (cp < 0x20 || (cp >= 0x7F && style_.ensure_ascii)) {
        WriteUnicodeEscape(cp);
      } else {
        out_ += text.substr(begin, pos - begin);
      }
    }
    out_ += '"';
  }

  void WriteUnicodeEscape(uint32_t cp) {
    if (cp < 0x10000) {
      out_ += fmt::format("\\u{:04x}", cp);
      return;
    }
    cp -= 0x10000;
    out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (cp >> 10), 0xDC00 + (cp & 0x3FF));
  }

  void NewLine(int level) {
    if (!style_.indented) return;
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += style_.indent;
  }

  // An indent may be long and repeat at every level: asks before it writes.
  Status CheckSize(int level) {
    return workspace_->Reserve(out_.size() + style_.indent.size() * static_cast<size_t>(level + 1) +
                               style_.item_separator.size() + style_.key_separator.size());
  }

  Status WriteList(const std::vector<Value>& items, int level) {
    if (items.empty()) {
      out_ += "[]";
      return {};
    }
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      TERN_TRY_STATUS(CheckSize(level));
      if (i > 0) out_ += style_.item_separator;
      NewLine(level + 1);
      TERN_TRY_STATUS(Write(items[i], level + 1));
    }
    NewLine(level);
    out_ += ']';
    return {};
  }

  Status WriteDict(const Dict& dict, int level) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return {};
    }
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) TERN_TRY_STATUS(Sort(&entries));
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      TERN_TRY_STATUS(CheckSize(level));
      if (i > 0) out_ += style_.item_separator;
      NewLine(level + 1);
      TERN_TRY_STATUS(WriteKey(entries[i]->key));
      out_ += style_.key_separator;
      TERN_TRY_STATUS(Write(entries[i]->value, level + 1));
    }
    NewLine(level);
    out_ += '}';
    return {};
  }

  Status WriteKey(const Value& key) {
    if (key.is_text()) {
      WriteText(key.bytes());
      return {};
    }
    if (!key.is_none() && !key.is_number()) {
      return TypeError(fmt::format("keys must be str, int, float, bool or None, not {}", TypeName(key)));
    }
    out_ += '"' + Scalar(key) + '"';
    return {};
  }

  Status Sort(std::vector<const Dict::Entry*>* entries) {
    Status failed;
    std::stable_sort(entries->begin(), entries->end(), [&](const auto* a, const auto* b) {
      const Result<bool> less = Compare(*workspace_, CompareOp::kLess, a->key, b->key);
      if (!less.ok() && failed.ok()) failed = less.error();
      return less.ok() && less.value();
    });
    return failed;
  }

  Workspace* workspace_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

Result<std::string> DumpJson(Workspace& workspace, const Value& value, const JsonStyle& style) {
  workspace.Spend(WeightOf(value));
  JsonWriter writer(&workspace, style);
  TERN_TRY_STATUS(writer.Write(value, 0));
  return writer.TakeText();
}

}  // namespace tern::jinja
