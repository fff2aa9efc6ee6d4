#pragma once
// What protocols that ask for vectors and scores have in common.

#include <boost/json/object.hpp>
#include <functional>

#include "server/server_context.h"

namespace tern {

// The error where `body` names a model that is not served, or one that makes no vectors. Behind it there is
// an encoder.
Problem CheckEncodes(ServerContext& context, const boost::json::object& body);

// The same of scores.
Problem CheckScores(ServerContext& context, const boost::json::object& body);

// Texts to embed, of a field of kPromptKinds; token ids are read as they are. The error names the field, and
// a text that is longer than the model reads, unless `cuts`.
Problem ReadTexts(const ServerContext& context, const boost::json::value& input, const std::string& param,
                  bool cuts, std::vector<EncoderText>* texts);
// How many tokens the model reads of them.
size_t CountTokens(const ServerContext& context, std::span<const EncoderText> texts);

// Of a pair of texts: all its tokens, and how many of them the model reads.
struct PairSize {
  size_t whole = 0, read = 0;
};
PairSize MeasurePair(const ServerContext& context, const EncoderText& pair);
// Answers with what `body` makes of the pairs' scores: the classification head's number as a share, from 0 to
// 1. `tokens`: that are read.
void ScorePairs(ServerContext& context, RouteRequest r, std::vector<EncoderText> pairs, size_t tokens,
                std::function<boost::json::object(const std::vector<double>&)> body);

// Counts them, and says so in the request's line of the log; before it is answered.
void NoteEncoded(ServerContext& context, HttpExchange& exchange, size_t tokens);

// The error where `body` asks for more dimensions than there are.
Problem CheckDimensions(const boost::json::object& body, int width);
// Keeps the first so many dimensions, and gives the vector length one again.
void Shorten(std::vector<float>& vector, size_t dimensions);

// "[0.5,-0.25]", with as many digits as tell floats apart.
std::string VectorText(std::span<const float> vector);
// Little-endian floats.
std::string VectorBase64(std::span<const float> vector);

}  // namespace tern
