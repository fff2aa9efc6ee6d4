#pragma once
// The keywords of JSON schema: one table says what each adds to a schema's needs, or that it is not
// supported.

#include <boost/json/object.hpp>
#include <string_view>

#include "base/result.h"
#include "text/grammar/schema_parts.h"

namespace tern::grammar {

// Whether it says nothing about values.
bool IsAnnotation(std::string_view keyword);
// Adds what `schema` asks for to `needs`; $ref, allOf, anyOf and oneOf are read elsewhere.
Status ReadKeywords(const boost::json::object& schema, const std::string& path, Deadline* deadline,
                    SchemaNeeds* needs);

}  // namespace tern::grammar
