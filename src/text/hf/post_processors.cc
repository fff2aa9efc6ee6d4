#include "text/hf/post_processors.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <string>

#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

using Kind = InputPart::Kind;
// Changes what is bare so far; most tokenizers have one component that does.
using PostProcessorLoader = Status (*)(const JsonNode& node, int32_t size, InputShape* shape);

Result<int32_t> IdOf(const JsonNode& node, int32_t size) {
  TERN_TRY(const int64_t id, node.Int(0, size - 1));
  return static_cast<int32_t>(id);
}

// ["[SEP]", 102].
Result<int32_t> NamedToken(const JsonNode& node, int32_t size) {
  TERN_TRY(const auto* pair, node.Array());
  if (pair->size() != 2) return node.Not("a token and its id");
  return IdOf(node[1], size);
}

// Of BERT and RoBERTa.
template <int ends_between>
Status LoadAround(const JsonNode& node, int32_t size, InputShape* shape) {
  TERN_TRY(const int32_t begin, NamedToken(node["cls"], size));
  TERN_TRY(const int32_t end, NamedToken(node["sep"], size));
  *shape = ShapeOf(begin, end, ends_between);
  return {};
}

class TemplateLoader {
 public:
  TemplateLoader(const JsonNode& node, int32_t size) : node_(node), size_(size) {}

  Status Run(InputShape* shape) {
    TERN_TRY_STATUS(ReadTokens());
    TERN_TRY(shape->single, Parts(node_["single"]));
    if (node_["pair"].is_null()) return {};
    TERN_TRY(shape->pair, Parts(node_["pair"]));
    return {};
  }

 private:
  // {"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, ...}
  Status ReadTokens() {
    const JsonNode tokens = node_["special_tokens"];
    if (tokens.is_null()) return {};
    TERN_TRY(const auto* object, tokens.Object());
    for (const auto& member : *object) {
      const JsonNode token = tokens[member.key()];
      TERN_TRY(const std::vector<JsonNode> items, token["ids"].Items());
      for (const JsonNode& item : items) {
        TERN_TRY(const int32_t id, IdOf(item, size_));
        ids_[std::string(member.key())].push_back(id);
      }
    }
    return {};
  }

  Result<std::vector<InputPart>> Parts(const JsonNode& node) {
    std::vector<InputPart> parts;
    TERN_TRY(const std::vector<JsonNode> items, node.Items());
    for (const JsonNode& item : items) {
      const JsonNode text = item["Sequence"], token = item["SpecialToken"];
      if (text.is_null() && token.is_null()) return item.Not("a Sequence or a SpecialToken");
      const JsonNode& part = text.is_null() ? token : text;
      TERN_TRY(const std::string name, part["id"].Str());
      TERN_TRY(const int64_t type,
               part["type_id"].is_null() ? Result<int64_t>(0) : part["type_id"].Int(0, 255));
      if (!text.is_null()) {
        if (name != "A" && name != "B") return text["id"].Bad(Shown(name) + ", expected A or B");
        parts.push_back({name == "A" ? Kind::kFirst : Kind::kSecond, -1, static_cast<int32_t>(type)});
        continue;
      }
      const auto ids = ids_.find(name);
      if (ids == ids_.end()) return token["id"].Bad(Shown(name) + " is not in special_tokens");
      for (int32_t id : ids->second) parts.push_back({Kind::kToken, id, static_cast<int32_t>(type)});
    }
    if (parts.empty()) return node.Bad("empty, expected a Sequence");
    return parts;
  }

  const JsonNode& node_;
  int32_t size_;
  std::map<std::string, std::vector<int32_t>> ids_;
};

Status LoadTemplate(const JsonNode& node, int32_t size, InputShape* shape) {
  return TemplateLoader(node, size).Run(shape);
}

Status LoadByteLevel(const JsonNode&, int32_t, InputShape*) { return {}; }  // offsets only

Status LoadSequence(const JsonNode& node, int32_t size, InputShape* shape);

constexpr JsonKind<PostProcessorLoader> kPostProcessors[] = {
    {"TemplateProcessing", LoadTemplate}, {"BertProcessing", LoadAround<1>},
    {"RobertaProcessing", LoadAround<2>}, {"ByteLevel", LoadByteLevel},
    {"Sequence", LoadSequence},
};

Status LoadStep(const JsonNode& node, int32_t size, InputShape* shape) {
  TERN_TRY(const auto* kind, KindOf(node, kPostProcessors));
  return kind->load(node, size, shape);
}

// Sequences nest no deeper than the JSON may.
Status LoadSequence(const JsonNode& node, int32_t size, InputShape* shape) {
  TERN_TRY(const std::vector<JsonNode> items, node["processors"].Items());
  for (const JsonNode& item : items) {
    if (shape->single.size() > 1 && item["type"].value() != "ByteLevel") {
      return item.Unknown("a second component that puts tokens around texts");
    }
    TERN_TRY_STATUS(LoadStep(item, size, shape));
  }
  return {};
}

}  // namespace

Result<InputShape> LoadInputShape(const JsonNode& node, int32_t size) {
  InputShape shape = ShapeOf(-1, -1, /*ends_between=*/1);
  if (!node.is_null()) TERN_TRY_STATUS(LoadStep(node, size, &shape));
  return shape;
}

}  // namespace tern
