#include "text/jinja/scoping.h"

#include <map>
#include <set>
#include <string_view>

namespace tern::jinja {
namespace {

// What a scope knows about the names it mentions. A branch of an `if` starts with what its scope knows so
// far.
class Names {
 public:
  explicit Names(const Names* outer) : outer_(outer) {}
  static Names Branch(const Names* base) {
    Names branch(base->outer_);
    branch.base_ = base;
    return branch;
  }

  void Load(std::string_view name) {
    if (!IsMentioned(name)) refs_[name] = Origin::kOuter;
  }
  void Parameter(std::string_view name) {
    stores_.insert(name);
    refs_[name] = Origin::kOuter;
  }
  void Store(std::string_view name) {
    stores_.insert(name);
    if (IsReferred(name)) return;
    refs_[name] = outer_ && outer_->IsMentioned(name) ? Origin::kOuter : Origin::kHidden;
  }
  // What branches stored may not have happened: such names start with the outer value.
  void Merge(const std::vector<Names>& branches) {
    std::set<std::string_view> uncertain;
    for (const Names& branch : branches) {
      for (std::string_view name : branch.stores_) {
        if (!IsStored(name)) uncertain.insert(name);
      }
    }
    for (const Names& branch : branches) {
      for (const auto& [name, origin] : branch.refs_) refs_[name] = origin;
      stores_.insert(branch.stores_.begin(), branch.stores_.end());
    }
    for (std::string_view name : uncertain) refs_[name] = Origin::kOuter;
  }
  std::vector<std::string> Hidden() const {
    std::vector<std::string> hidden;
    for (const auto& [name, origin] : refs_) {
      if (origin == Origin::kHidden) hidden.emplace_back(name);
    }
    return hidden;
  }

 private:
  enum class Origin { kOuter, kHidden };

  bool IsReferred(std::string_view name) const {
    return refs_.count(name) > 0 || (base_ && base_->IsReferred(name));
  }
  bool IsStored(std::string_view name) const {
    return stores_.count(name) > 0 || (base_ && base_->IsStored(name));
  }
  bool IsMentioned(std::string_view name) const {
    return IsReferred(name) || (outer_ && outer_->IsMentioned(name));
  }

  const Names* outer_;
  const Names* base_ = nullptr;
  std::map<std::string_view, Origin> refs_;
  std::set<std::string_view> stores_;
};

// Goes over the statements of one scope. Inner scopes come later: they need to know all of the outer one.
class Reader {
 public:
  explicit Reader(Names* names) : names_(names) {}

  void Read(const Block& block) {
    for (const auto& statement : block) {
      std::visit([this](const auto& node) { Visit(node); }, statement->node);
    }
  }
  void Read(const ExprPtr& expr) {
    if (expr) std::visit([this](const auto& node) { Visit(node); }, expr->node);
  }
  void Read(const ExprList& list) {
    for (const ExprPtr& expr : list) Read(expr);
  }
  void Store(const Target& target) {
    for (const Target& item : target.items) Store(item);
    if (target.is_tuple) return;
    if (target.attribute.empty()) {
      names_->Store(target.name);
    } else {
      names_->Load(target.name);
    }
  }
  void Parameters(const Target& target) {
    for (const Target& item : target.items) Parameters(item);
    if (!target.is_tuple) names_->Parameter(target.name);
  }

 private:
  void Visit(const DataNode&) {}
  void Visit(const PrintNode& node) { Read(node.values); }
  void Visit(const IfNode& node) {
    std::vector<Names> branches;
    Read(node.branches[0].first);
    for (size_t i = 0; i < node.branches.size(); ++i) {
      branches.push_back(Names::Branch(names_));
      Reader reader(&branches.back());
      if (i > 0) reader.Read(node.branches[i].first);
      reader.Read(node.branches[i].second);
    }
    branches.push_back(Names::Branch(names_));
    Reader(&branches.back()).Read(node.otherwise);
    names_->Merge(branches);
  }
  void Visit(const ForLoop& node) { Read(node.items); }
  void Visit(const SetNode& node) {
    Read(node.value);
    Store(node.target);
  }
  void Visit(const SetBlockNode& node) { Store(node.target); }
  void Visit(const MacroNode& node) { names_->Store(node.macro.name); }
  void Visit(const CallBlockNode& node) { Read(node.call); }
  void Visit(const FilterBlockNode& node) { Read(node.filter); }
  void Visit(const WithNode& node) {
    for (const auto& [target, value] : node.bindings) Read(value);
  }
  void Visit(const GenerationNode&) {}
  void Visit(const BreakNode&) {}
  void Visit(const ContinueNode&) {}

  void Visit(const ConstExpr&) {}
  void Visit(const NameExpr& node) { names_->Load(node.name); }
  void Visit(const TupleExpr& node) { Read(node.items); }
  void Visit(const ListExpr& node) { Read(node.items); }
  void Visit(const DictExpr& node) {
    for (const auto& [key, value] : node.items) {
      Read(key);
      Read(value);
    }
  }
  void Visit(const UnaryExpr& node) { Read(node.operand); }
  void Visit(const BinaryExpr& node) {
    Read(node.left);
    Read(node.right);
  }
  void Visit(const LogicExpr& node) {
    Read(node.left);
    Read(node.right);
  }
  void Visit(const ConcatExpr& node) { Read(node.parts); }
  void Visit(const CompareExpr& node) {
    Read(node.first);
    for (const auto& [op, operand] : node.rest) Read(operand);
  }
  void Visit(const ConditionalExpr& node) {
    Read(node.test);
    Read(node.yes);
    Read(node.no);
  }
  void Visit(const AttributeExpr& node) { Read(node.object); }
  void Visit(const SubscriptExpr& node) {
    Read(node.object);
    Read(node.index);
  }
  void Visit(const SliceExpr& node) {
    for (const ExprPtr* part : {&node.object, &node.start, &node.stop, &node.step}) Read(*part);
  }
  void Visit(const CallExpr& node) {
    Read(node.callee);
    Visit(node.arguments);
  }
  void Visit(const FilterExpr& node) {
    Read(node.input);
    Visit(node.arguments);
  }
  void Visit(const TestExpr& node) {
    Read(node.input);
    Visit(node.arguments);
  }
  void Visit(const CallArguments& arguments) {
    Read(arguments.positional);
    for (const auto& [name, value] : arguments.named) Read(value);
    Read(arguments.star);
    Read(arguments.double_star);
  }

  Names* names_;
};

// Opens each scope inside a block, with the names of the scope around it.
class Scopes {
 public:
  explicit Scopes(const Names* outer) : outer_(outer) {}

  void Enter(Block* block) {
    for (auto& statement : *block) {
      std::visit([this](auto& node) { Visit(node); }, statement->node);
    }
  }
  // `prepare` declares the scope's parameters.
  template <class Prepare>
  void Enter(Body* body, Prepare prepare) {
    Names names(outer_);
    Reader reader(&names);
    prepare(&names, &reader);
    reader.Read(body->statements);
    body->hidden = names.Hidden();
    Scopes(&names).Enter(&body->statements);
  }

 private:
  static void Nothing(Names*, Reader*) {}

  template <class Other>
  void Visit(Other&) {}
  void Visit(IfNode& node) {
    for (auto& [test, block] : node.branches) Enter(&block);
    Enter(&node.otherwise);
  }
  void Visit(ForLoop& node) {
    Enter(&node.body, [&](Names* names, Reader* reader) {
      if (node.uses_loop || node.recursive) names->Parameter("loop");
      reader->Parameters(node.target);
    });
    Enter(&node.otherwise, Nothing);
  }
  void Visit(SetBlockNode& node) { Enter(&node.body, Nothing); }
  void Visit(MacroNode& node) { EnterMacro(&node.macro); }
  void Visit(CallBlockNode& node) { EnterMacro(&node.body); }
  void Visit(FilterBlockNode& node) { Enter(&node.body, Nothing); }
  void Visit(WithNode& node) {
    Enter(&node.body, [&](Names*, Reader* reader) {
      for (const auto& [target, value] : node.bindings) reader->Parameters(target);
    });
  }
  void Visit(GenerationNode& node) { Enter(&node.body, Nothing); }

  void EnterMacro(Macro* macro) {
    Enter(&macro->body, [&](Names* names, Reader* reader) {
      for (const std::string& parameter : macro->parameters) names->Parameter(parameter);
      for (std::string_view extra : {"caller", "kwargs", "varargs"}) names->Parameter(extra);
      reader->Read(macro->defaults);
    });
  }

  const Names* outer_;
};

}  // namespace

void FindHiddenNames(Template* source) {
  Scopes(nullptr).Enter(&source->body, [](Names*, Reader*) {});
}

}  // namespace tern::jinja
