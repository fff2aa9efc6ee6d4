#include "text/grammar/dfa.h"

#include <algorithm>
#include <map>

#include "text/grammar/char_letters.h"
#include "text/utf8.h"

namespace tern::grammar {
namespace {

constexpr uint32_t kNone = ~0u;

// States by number, made as they are found.
template <class Key>
class Numbers {
 public:
  uint32_t Of(const Key& key) {
    const auto [at, is_new] = ids_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
    if (is_new) keys_.push_back(key);
    return at->second;
  }
  size_t size() const { return keys_.size(); }
  const Key& operator[](size_t id) const { return keys_[id]; }

 private:
  std::map<Key, uint32_t> ids_;
  std::vector<Key> keys_;
};

bool IsTooLarge(size_t states, size_t letters) {
  return states > kMostDfaStates || states * letters > kMostDfaEntries;
}

}  // namespace

bool Dfa::Matches(std::string_view utf8) const {
  uint32_t state = 0;
  for (; !utf8.empty(); utf8.remove_prefix(Utf8Size(utf8[0]))) {
    const char32_t c = DecodeUtf8(utf8);
    size_t letter = 0;
    while (letter < letters.size() && !letters[letter].Contains(c)) ++letter;
    if (letter == letters.size()) return false;
    state = Next(state, letter);
  }
  return accepts[state];
}

std::vector<bool> Dfa::Live() const {
  std::vector<std::vector<uint32_t>> into(size());
  std::vector<uint32_t> waiting;
  std::vector<bool> live = accepts;
  for (uint32_t state = 0; state < size(); ++state) {
    if (accepts[state]) waiting.push_back(state);
    for (size_t letter = 0; letter < letters.size(); ++letter) into[Next(state, letter)].push_back(state);
  }
  while (!waiting.empty()) {
    const uint32_t state = waiting.back();
    waiting.pop_back();
    for (const uint32_t from : into[state]) {
      if (live[from]) continue;
      live[from] = true;
      waiting.push_back(from);
    }
  }
  return live;
}

std::optional<Dfa> Intersection(const Dfa& a, const Dfa& b, Deadline* deadline) {
  Dfa both;
  std::vector<std::pair<size_t, size_t>> pairs;  // of letters
  for (size_t i = 0; i < a.letters.size(); ++i) {
    for (size_t j = 0; j < b.letters.size(); ++j) {
      CharSet common = a.letters[i].Without(b.letters[j].Negated());
      if (deadline->IsOver(64 + a.letters[i].ranges().size() + b.letters[j].ranges().size()))
        return std::nullopt;
      if (common.empty()) continue;
      both.letters.push_back(std::move(common));
      pairs.emplace_back(i, j);
    }
  }
  const std::vector<bool> live_a = a.Live(), live_b = b.Live();
  Numbers<std::pair<uint32_t, uint32_t>> states;
  const auto state_of = [&](uint32_t x, uint32_t y) {
    // One dead state is enough.
    return live_a[x] && live_b[y] ? states.Of({x, y}) : states.Of({kNone, kNone});
  };
  state_of(0, 0);
  for (size_t state = 0; state < states.size(); ++state) {
    if (IsTooLarge(states.size(), pairs.size()) || deadline->IsOver(16 * pairs.size())) return std::nullopt;
    const auto [x, y] = states[state];
    both.accepts.push_back(x != kNone && a.accepts[x] && b.accepts[y]);
    for (const auto& [i, j] : pairs) {
      const auto same = static_cast<uint32_t>(state);
      both.next.push_back(x == kNone ? same : state_of(a.Next(x, i), b.Next(y, j)));
    }
  }
  return both;
}

Dfa Complement(Dfa a) {
  a.accepts.flip();
  return a;
}

Dfa Minimal(Dfa a, Deadline* deadline) {
  constexpr size_t kMostSteps = 4'000'000;
  const std::vector<bool> live = a.Live();
  // Of each state, a number that is the same for those not told apart so far.
  std::vector<uint32_t> group(a.size());
  for (size_t state = 0; state < a.size(); ++state) group[state] = a.accepts[state] ? 1 : live[state] ? 2 : 0;
  size_t groups = 0, steps = 0;
  for (;;) {
    Numbers<std::vector<uint32_t>> seen;
    std::vector<uint32_t> finer(a.size()), key(a.letters.size() + 1);
    for (size_t state = 0; state < a.size(); ++state) {
      key[0] = group[state];
      for (size_t letter = 0; letter < a.letters.size(); ++letter)
        key[letter + 1] = group[a.Next(state, letter)];
      finer[state] = seen.Of(key);
      steps += 8 * key.size();
      if (deadline->IsOver(8 * key.size()) || steps > kMostSteps) return a;
    }
    group = std::move(finer);  // the start's is 0
    if (seen.size() == groups) break;
    groups = seen.size();
  }
  Dfa least{std::move(a.letters), {}, std::vector<bool>(groups)};
  least.next.resize(groups * least.letters.size());
  for (size_t state = 0; state < group.size(); ++state) {
    least.accepts[group[state]] = a.accepts[state];
    for (size_t letter = 0; letter < least.letters.size(); ++letter) {
      least.next[group[state] * least.letters.size() + letter] =
          group[a.next[state * least.letters.size() + letter]];
    }
  }
  return least;
}

Dfa DfaOfLengths(uint32_t min, uint32_t max) {
  // One state for each length that is told apart; behind max a dead one.
  const uint32_t last = max == kUnbounded ? min : max;
  Dfa dfa{{CharSet::All()}, {}, {}};
  for (uint32_t n = 0; n <= last; ++n) {
    dfa.accepts.push_back(n >= min);
    dfa.next.push_back(n == last && max == kUnbounded ? n : n + 1);
  }
  if (max == kUnbounded) return dfa;
  dfa.accepts.push_back(false);
  dfa.next.push_back(last + 1);
  return dfa;
}

std::optional<Dfa> DfaOfTexts(const std::vector<std::string>& texts) {
  std::vector<std::u32string> decoded;
  size_t characters = 2;
  CharSet known;
  std::map<char32_t, uint32_t> letter_of;
  Dfa dfa;
  for (const std::string& text : texts) {
    std::u32string& word = decoded.emplace_back();
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(Utf8Size(rest[0]))) {
      const char32_t c = DecodeUtf8(rest);
      word += c;
      ++characters;
      if (!letter_of.try_emplace(c, dfa.letters.size()).second) continue;
      dfa.letters.push_back(CharSet{{c, c}});
      known.Add(c, c);
    }
  }
  if (CharSet others = known.Negated(); !others.empty()) dfa.letters.push_back(std::move(others));
  const size_t n = dfa.letters.size();
  if (IsTooLarge(characters, n)) return std::nullopt;
  const auto add = [&] {
    dfa.accepts.push_back(false);
    dfa.next.resize(dfa.next.size() + n, 1);
    return static_cast<uint32_t>(dfa.accepts.size() - 1);
  };
  add();
  add();  // 1: dead
  for (const std::u32string& word : decoded) {
    uint32_t at = 0;
    for (const char32_t c : word) {
      const size_t entry = at * n + letter_of[c];
      if (dfa.next[entry] == 1) {
        const uint32_t made = add();
        dfa.next[entry] = made;
      }
      at = dfa.next[entry];
    }
    dfa.accepts[at] = true;
  }
  return dfa;
}

Dfa DfaOfMultiples(uint32_t step, uint32_t digits) {
  Dfa dfa;
  for (char32_t c = '0'; c <= '9'; ++c) dfa.letters.push_back(CharSet{{c, c}});
  dfa.letters.push_back(CharSet{{'.', '.'}});
  CharSet others = Digits();
  others.Add('.', '.');
  dfa.letters.push_back(others.Negated());
  // State: rest * places + place, of what the digits so far leave, and how many are behind the point (place
  // 0: it has not come).
  const uint32_t places = digits + 2, dead = step * places;
  std::vector<uint64_t> scale(places, 1);  // by what the number so far is to be multiplied
  for (uint32_t place = 0; place < places; ++place) {
    const uint32_t missing = place == 0 ? digits : digits - (place - 1);
    for (uint32_t i = 0; i < missing; ++i) scale[place] = scale[place] * 10 % step;
  }
  for (uint32_t state = 0; state < dead; ++state) {
    const uint32_t rest = state / places, place = state % places;
    dfa.accepts.push_back(rest * scale[place] % step == 0);
    for (uint32_t digit = 0; digit < 10; ++digit) {
      const uint32_t to = place == 0 ? 0 : place + 1;
      dfa.next.push_back(to == places ? dead : (rest * 10 + digit) % step * places + to);
    }
    dfa.next.push_back(place == 0 ? rest * places + 1 : dead);
    dfa.next.push_back(state);
  }
  dfa.accepts.push_back(false);
  dfa.next.resize(dfa.next.size() + dfa.letters.size(), dead);
  return dfa;
}

ExprId GraphOf(const Dfa& dfa, const std::function<ExprId(const CharSet&)>& spell, Expressions* x) {
  const std::vector<bool> live = dfa.Live();
  if (!live[0]) return x->Never();
  // A state's loop over its own characters comes in front of all that leads out of it: so it is one that the
  // masks know to be a loop.
  std::vector<GraphEdge> edges;
  std::vector<uint32_t> ends, entry(dfa.size(), 0), exit(dfa.size(), 0);
  uint32_t places = 0;
  std::vector<std::map<uint32_t, CharSet>> targets(dfa.size());
  for (uint32_t state = 0; state < dfa.size(); ++state) {
    if (!live[state]) continue;
    for (size_t letter = 0; letter < dfa.letters.size(); ++letter) {
      const uint32_t to = dfa.Next(state, letter);
      if (live[to]) targets[state][to].Add(dfa.letters[letter]);
    }
    entry[state] = exit[state] = places++;
    if (targets[state].contains(state)) exit[state] = places++;
  }
  // Most states read the same few sets.
  std::map<std::vector<char32_t>, ExprId> spelled;
  const auto character_of = [&](const CharSet& set) {
    std::vector<char32_t> key;
    for (const CharRange& range : set.ranges()) key.insert(key.end(), {range.first, range.last});
    const auto [at, is_new] = spelled.try_emplace(std::move(key), 0);
    if (is_new) at->second = spell(set);
    return at->second;
  };
  for (uint32_t state = 0; state < dfa.size(); ++state) {
    if (x->exhausted(256)) return x->Never();
    for (const auto& [to, set] : targets[state]) {
      const ExprId character = character_of(set);
      if (to == state) {
        edges.push_back({entry[state], exit[state], x->Repeat(character, 0, kUnbounded)});
      } else {
        edges.push_back({exit[state], entry[to], character});
      }
    }
    if (dfa.accepts[state]) ends.push_back(exit[state]);
  }
  return x->Graph(places, edges, ends);
}

}  // namespace tern::grammar
