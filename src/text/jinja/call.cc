// Calls: arguments, macros, recursive loops.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tern::jinja {

Result<Arguments> Interpreter::EvaluateArguments(const CallArguments& source) {
  Arguments arguments;
  TERN_TRY(arguments.positional, EvaluateAll(source.positional));
  if (source.star) {
    TERN_TRY(const Value more, Evaluate(*source.star));
    TERN_TRY(const std::span<const Value> items, Items(workspace_, more));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  for (const auto& [name, expr] : source.named) {
    TERN_TRY(const Value value, Evaluate(*expr));
    arguments.named.emplace_back(name, value);
  }
  if (!source.double_star) return arguments;
  TERN_TRY(const Value more, Evaluate(*source.double_star));
  if (!more.is(Kind::kDict)) return TypeError("argument after ** must be a mapping");
  workspace_.Spend(more.dict().entries.size() * (1 + arguments.named.size() / 8));
  const size_t named = arguments.mapped = arguments.named.size();
  for (const Dict::Entry& entry : more.dict().entries) {
    if (!entry.key.is_text()) return TypeError("keywords must be strings");
    const auto end = arguments.named.begin() + static_cast<std::ptrdiff_t>(named);
    const bool twice = std::any_of(arguments.named.begin(), end,
                                   [&](const auto& other) { return other.first == entry.key.bytes(); });
    if (twice) return TypeError(fmt::format("multiple values for keyword argument '{}'", entry.key.bytes()));
    arguments.named.emplace_back(entry.key.bytes(), entry.value);
    arguments.mapped_keys.push_back(entry.key);
  }
  return arguments;
}

Result<Value> Interpreter::Visit(const CallExpr& node) {
  TERN_TRY(const Value callee, Evaluate(*node.callee));
  TERN_TRY(const Arguments arguments, EvaluateArguments(node.arguments));
  return Call(callee, arguments);
}

Result<Value> Interpreter::Call(const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) return UndefinedError(callee);
  if (callee.is(Kind::kLoop)) return CallLoop(callee.loop(), arguments);
  if (!callee.is(Kind::kCallable)) {
    return TypeError(fmt::format("'{}' object is not callable", TypeName(callee)));
  }
  const Callable& callable = callee.callable();
  if (callable.macro) return CallMacro(callable, arguments);
  return callable.builtin(workspace_, callable.self, arguments);
}

Result<Value> Interpreter::CallMacro(const Callable& callable, const Arguments& arguments) {
  Scope* scope = NewScope(callable.scope, callable.macro->body);
  Scope* before = scope_;
  scope_ = scope;  // defaults see the parameters in front of them
  Status bound = BindParameters(*callable.macro, arguments, scope);
  scope_ = before;
  if (!bound.ok()) return bound.error();
  TextBuilder text;
  TERN_TRY(const Flow flow, Capture(callable.macro->body, scope, &text));
  (void)flow;  // break and continue do not leave a macro; the parser sees to it
  return workspace_.NewText(std::move(text));
}

Status Interpreter::BindParameters(const Macro& macro, const Arguments& arguments, Scope* scope) {
  const size_t count = macro.parameters.size();
  const size_t first_default = count - macro.defaults.size();
  std::vector<const Value*> given(count);
  workspace_.Spend(arguments.named.size() * (1 + count / 8));
  for (size_t i = 0; i < std::min(count, arguments.positional.size()); ++i) {
    given[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto at = std::find(macro.parameters.begin(), macro.parameters.end(), name);
    if (at == macro.parameters.end()) continue;
    const Value*& slot = given[static_cast<size_t>(at - macro.parameters.begin())];
    if (!slot) slot = &value;
  }
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = macro.parameters[i];
    Value value;
    if (given[i]) {
      value = *given[i];
    } else if (i >= first_default) {
      TERN_TRY(value, Evaluate(*macro.defaults[i - first_default]));
    } else {
      value = workspace_.heap().NewUndefined(fmt::format("parameter '{}' was not provided", name));
    }
    scope->Set(name, value);
  }
  return BindExtras(macro, arguments, scope);
}

// What is left goes to caller, kwargs and varargs, where the macro mentions them.
Status Interpreter::BindExtras(const Macro& macro, const Arguments& arguments, Scope* scope) {
  const size_t count = macro.parameters.size();
  std::vector<Dict::Entry> kwargs;
  Value caller = workspace_.heap().NewUndefined("No caller defined");
  for (size_t i = 0; i < arguments.named.size(); ++i) {
    const auto& [name, value] = arguments.named[i];
    const auto at = std::find(macro.parameters.begin(), macro.parameters.end(), name);
    const bool taken = at != macro.parameters.end() &&
                       static_cast<size_t>(at - macro.parameters.begin()) >= arguments.positional.size();
    if (taken) continue;
    if (name == "caller" && macro.takes_caller) {
      caller = value;
    } else if (macro.takes_kwargs) {
      kwargs.push_back({NameOf(workspace_, arguments, i), value});
    } else {
      return TypeError(fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
    }
  }
  if (macro.takes_caller) scope->Set("caller", caller);
  if (macro.takes_kwargs) {
    TERN_TRY(const Value dict, workspace_.heap().NewDict(std::move(kwargs)));
    scope->Set("kwargs", dict);
  }
  const size_t extra = std::max(arguments.positional.size(), count) - count;
  if (macro.takes_varargs) {
    TERN_TRY(const Value tuple,
             workspace_.NewTuple({arguments.positional.end() - static_cast<std::ptrdiff_t>(extra),
                                  arguments.positional.end()}));
    scope->Set("varargs", tuple);
  } else if (extra > 0) {
    return TypeError(fmt::format("macro '{}' takes not more than {} argument(s)", macro.name, count));
  }
  return {};
}

Result<Value> Interpreter::CallLoop(const Loop& loop, const Arguments& arguments) {
  if (!loop.node->recursive) {
    return TypeError("The loop must have the 'recursive' marker to be called recursively.");
  }
  TERN_TRY(const auto bound, Bind<1>("loop", arguments, {"iterable"}, 1));
  TextBuilder text;
  TextBuilder* before = out_;
  out_ = &text;
  const Result<Flow> done = RunLoop(*loop.node, *bound[0], loop.scope, loop.depth0 + 1);
  out_ = before;
  if (!done.ok()) return done.error();
  return workspace_.NewText(std::move(text));
}

}  // namespace tern::jinja
