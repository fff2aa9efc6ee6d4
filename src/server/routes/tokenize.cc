#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/utf8.h"
#include "server/chat_fields.h"
#include "server/chat_request.h"
#include "server/writers/openai.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "messages", .kinds = kObjects, .max_items = 65536, .object = &kMessage},
    {.name = "content", .kinds = kString, .help = "a text", .max_bytes = kMostTokenizedBytes},
    {.name = "prompt",
     .kinds = kString,
     .help = "the same; by default, as the beginning of an input",
     .max_bytes = kMostTokenizedBytes},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "add_special", .kinds = kBool, .help = "with what stands around an input (BOS)"},
    {.name = "add_special_tokens", .kinds = kBool, .help = "the same"},
    {.name = "parse_special",
     .kinds = kBool,
     .help = "whether the text may spell special tokens",
     .fallback = "true"},
    {.name = "with_pieces", .kinds = kBool, .help = "objects of id and piece: a text, or its bytes"},
    {.name = "return_token_strs", .kinds = kBool, .help = "the pieces in a list of their own"},
};
constexpr auto kFields = JoinFields(kOwnFields, kChatFields);
constexpr SchemaDesc kSchema{"TokenizeRequest", kFields};

// A text, or the bytes of a token that is only a part of characters.
json::value PieceJson(const Tokenizer& tokenizer, int32_t id) {
  const std::string piece = tokenizer.Piece(id, true);
  if (IsUtf8(piece)) return json::string(piece);
  json::array bytes;
  for (const char byte : piece) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

bool Flag(const json::object& body, std::string_view name, bool fallback) {
  const json::value* v = body.if_contains(name);
  return v != nullptr ? v->get_bool() : fallback;
}

Problem ReadConversation(ServerContext& context, json::object& body, std::vector<int32_t>* ids) {
  ChatRequest chat;
  if (auto problem = ReadChat(body, &chat)) return problem;
  return TokenizeChat(context, chat, ids);
}

Problem Read(ServerContext& context, json::object& body, std::vector<int32_t>* ids) {
  if (auto problem = CheckModel(context, body)) return problem;
  if (body.contains("messages")) return ReadConversation(context, body, ids);
  const char* name = body.contains("content") ? "content" : "prompt";
  const json::value* text = body.if_contains(name);
  if (text == nullptr) return Wrong("content", "required, or prompt, or messages");
  const bool by_default = std::string_view(name) == "prompt";
  const bool whole = Flag(body, "add_special", Flag(body, "add_special_tokens", by_default));
  const bool special = Flag(body, "parse_special", true);
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  if (whole) {
    *ids = EncodeInput(tokenizer, text->get_string(), special);
  } else {
    tokenizer.Encode(text->get_string(), special, ids);
  }
  return std::nullopt;
}

void Handle(ServerContext& context, RouteRequest r) {
  std::vector<int32_t> ids;
  if (const auto problem = Read(context, r.body, &ids)) return r.Refuse(*problem);
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  const bool with_pieces = IsSet(r.body, "with_pieces");
  json::array tokens, pieces;
  for (const int32_t id : ids) {
    if (with_pieces) {
      tokens.push_back(json::object{{"id", id}, {"piece", PieceJson(tokenizer, id)}});
    } else {
      tokens.push_back(id);
    }
    pieces.push_back(json::string(TokenText(tokenizer, id)));
  }
  json::object body{
      {"tokens", std::move(tokens)}, {"count", ids.size()}, {"max_model_len", context.longest_input()}};
  if (IsSet(r.body, "return_token_strs")) body["token_strs"] = std::move(pieces);
  r.exchange->Reply({.body = json::serialize(body)});
}

}  // namespace

extern const RouteDesc k_route_tokenize;
const RouteDesc k_route_tokenize = {
    .method = "POST",
    .path = "/tokenize",
    .summary = "token ids of a text, or of a conversation as the template writes it",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
