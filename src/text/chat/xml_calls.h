#pragma once
// XmlCalls: formats that write calls as tags, one per function and one per argument:
//
//   <tool_call><function=f><parameter=x>1</parameter></function></tool_call>
//   <tool_call>f<arg_key>x</arg_key><arg_value>1</arg_value></tool_call>
//
// Values have no type: the request's tools say it, or else what is JSON is taken as JSON. Those that are
// known to be strings are passed on as they come; others only when they are whole.

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/call_reader.h"
#include "text/chat/tool_types.h"

namespace tern::chat {

struct XmlCallTags {
  std::vector<std::string_view> open;     // <tool_call>
  std::vector<std::string_view> close;    // </tool_call>
  std::string_view function = {};         // <function=     none: the name follows `open`
  std::string_view function_name = {};    // >              none: the name ends with its line, or at a tag
  std::string_view function_end = {};     // </function>    none: `close` ends the function
  std::string_view parameter = {};        // <parameter=
  std::string_view parameter_name = {};   // >
  std::string_view value = {};            // <arg_value>    none: the value follows the parameter's name
  std::string_view value_end = {};        // </parameter>
  std::string_view text_attribute = {};   // what stands in front of `value` if it is a string,
  std::string_view other_attribute = {};  // or if it is JSON
  bool lines = false;                     // a value stands on lines of its own
};

class XmlCalls : public CallReader {
 public:
  XmlCalls(const ReaderContext& context, const XmlCallTags& tags);
  std::vector<std::string_view> Openers() const override;
  void Enter(int opener) override;
  Progress Step(std::string_view text, bool is_last) override;
  void End() override;

 private:
  enum class Where { kBetween, kName, kParameters, kKey, kAttributes, kValue };

  Progress StepBetween(std::string_view text, bool is_last);
  Progress StepName(std::string_view text, bool is_last);
  Progress StepParameters(std::string_view text, bool is_last);
  Progress StepKey(std::string_view text, bool is_last);
  Progress StepAttributes(std::string_view text, bool is_last);
  Progress StepValue(std::string_view text, bool is_last);
  void BeginValue(std::string_view attributes);
  void EndFunction(bool is_whole);
  Progress Broken();
  Progress Leave();

  const XmlCallTags tags_;
  const ReaderContext context_;
  Markers outside_, name_end_, inside_, key_end_, value_, value_end_;
  Where where_ = Where::kBetween;
  bool has_calls_ = false;
  std::string name_, key_;
  ValueType type_ = ValueType::kUnknown;
  bool has_parameters_ = false;
  bool is_text_ = false;        // the value is being passed on
  bool at_line_start_ = false;  // of a value that has `lines`
  std::string held_;            // the value, while its type is not certain
  std::string raw_;             // what was used since the opener, or the last call, and is no call yet
};

}  // namespace tern::chat
