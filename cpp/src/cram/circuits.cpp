#include "nonideal/cram/circuits.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>

#include "base/check.hpp"

namespace nonideal::cram::circuits {
namespace {

struct SumCarry {
  std::int32_t sum;
  std::int32_t carry;
};

/// The bit-level vocabulary of all circuits: one builder, one choice of adder, one of AND.
class Wiring {
 public:
  Wiring(FullAdder design, AndGate and_gate) : design_(design), and_gate_(and_gate) {}

  ProgramBuilder builder;

  std::int32_t nand2(std::int32_t a, std::int32_t b) { return builder.gate(Gate::NAND2, a, b); }
  std::int32_t invert(std::int32_t a) { return builder.gate(Gate::NOT, a); }
  std::int32_t conjunction(std::int32_t a, std::int32_t b) {
    return and_gate_ == AndGate::and2 ? builder.gate(Gate::AND2, a, b) : invert(nand2(a, b));
  }

  SumCarry half_add(std::int32_t a, std::int32_t b) {
    const std::int32_t n1 = nand2(a, b);
    const std::int32_t na = nand2(a, n1);
    const std::int32_t nb = nand2(b, n1);
    const std::int32_t sum = nand2(na, nb);
    return {sum, invert(n1)};
  }

  SumCarry full_add(std::int32_t a, std::int32_t b, std::int32_t c) {
    switch (design_) {
      case FullAdder::nand9: {
        const std::int32_t n1 = nand2(a, b);
        const std::int32_t n2 = nand2(a, n1);
        const std::int32_t n3 = nand2(b, n1);
        const std::int32_t x = nand2(n2, n3);
        const std::int32_t n4 = nand2(x, c);
        const std::int32_t n5 = nand2(x, n4);
        const std::int32_t n6 = nand2(c, n4);
        const std::int32_t sum = nand2(n5, n6);
        return {sum, nand2(n1, n4)};
      }
      case FullAdder::maj5_buf: {
        const std::int32_t cb = builder.gate(Gate::MIN3, a, b, c);
        const std::int32_t cb2 = builder.copy(cb);
        const std::int32_t sum = builder.gate(Gate::MAJ5, a, b, c, cb, cb2);
        return {sum, invert(cb)};
      }
      case FullAdder::maj5_not: {
        const std::int32_t carry = builder.gate(Gate::MAJ3, a, b, c);
        const std::int32_t cb = invert(carry);
        const std::int32_t cb2 = invert(carry);
        return {builder.gate(Gate::MAJ5, a, b, c, cb, cb2), carry};
      }
      case FullAdder::min5: {
        const std::int32_t cb = builder.gate(Gate::MIN3, a, b, c);
        const std::int32_t cb2 = builder.gate(Gate::MIN3, a, b, c);
        const std::int32_t sb = builder.gate(Gate::MIN5, a, b, c, cb, cb2);
        const std::int32_t sum = invert(sb);
        return {sum, invert(cb)};
      }
    }
    throw InvalidArgument("full_adder: unknown design");
  }

  /// a + b, truncated to `width` bits: a half adder at bit 0, full adders while both words last, half adders
  /// for the carry above. `width` must hold every sum that can occur.
  Word add(const Word& a, const Word& b, std::size_t width) {
    Word sum;
    std::optional<std::int32_t> carry;
    for (std::size_t bit = 0; bit < std::max(a.size(), b.size()); ++bit) {
      std::vector<std::int32_t> terms;
      if (bit < a.size()) terms.push_back(a[bit]);
      if (bit < b.size()) terms.push_back(b[bit]);
      if (carry) terms.push_back(*carry);
      if (terms.size() == 1) {
        sum.push_back(terms[0]);
        continue;
      }
      const SumCarry out =
          terms.size() == 2 ? half_add(terms[0], terms[1]) : full_add(terms[0], terms[1], terms[2]);
      sum.push_back(out.sum);
      carry = out.carry;
    }
    if (carry && sum.size() < width) sum.push_back(*carry);
    return sum;
  }

  /// word + value modulo 2^width, with the known bits folded: a half adder or less where the value's bit is
  /// 0, five gates where it is 1.
  Word add_constant(const Word& word, std::uint64_t value, std::size_t width) {
    Word sum;
    bool ones = false;  // the carry, where it is known
    std::optional<std::int32_t> carry;
    for (std::size_t bit = 0; bit < width; ++bit) {
      const bool one = (value >> bit & 1) != 0;
      const bool flip = one != ones;
      if (bit >= word.size()) {  // the word's bit is 0
        if (carry) {
          sum.push_back(one ? invert(*carry) : *carry);
          if (!one) carry.reset();
        } else {
          sum.push_back(builder.constant(flip ? 1 : 0));
          ones = one && ones;
        }
      } else if (!carry) {
        sum.push_back(flip ? invert(word[bit]) : word[bit]);
        if (flip) {
          carry = word[bit];
          ones = false;
        }
      } else if (!one) {
        const SumCarry out = half_add(word[bit], *carry);
        sum.push_back(out.sum);
        carry = out.carry;
      } else {
        const std::int32_t either = nand2(invert(word[bit]), invert(*carry));
        sum.push_back(nand2(either, nand2(word[bit], *carry)));
        carry = either;
      }
    }
    return sum;
  }

  /// a - b, with a borrow out: carry is NOT borrow. Both words have the same width.
  std::pair<Word, std::int32_t> subtract(const Word& a, const Word& b) {
    const std::int32_t n1 = nand2(a[0], b[0]);
    const std::int32_t na = nand2(a[0], n1);
    std::int32_t carry = nand2(b[0], n1);  // a[0] OR NOT b[0]
    Word difference{nand2(na, carry)};
    for (std::size_t bit = 1; bit < a.size(); ++bit) {
      const SumCarry out = full_add(a[bit], invert(b[bit]), carry);
      difference.push_back(out.sum);
      carry = out.carry;
    }
    return {difference, carry};
  }

  std::int32_t equal(std::int32_t a, std::int32_t b) {
    const std::int32_t n1 = nand2(a, b);
    const std::int32_t na = nand2(a, n1);
    const std::int32_t nb = nand2(b, n1);
    return invert(nand2(na, nb));
  }

  /// a[i] AND b[row]; inverted where, in a signed product, one of the two is a sign.
  std::int32_t partial_product(const Word& a, const Word& b, std::size_t i, std::size_t row, bool is_signed) {
    const bool inverted = is_signed && (i + 1 == a.size()) != (row + 1 == b.size());
    return inverted ? nand2(a[i], b[row]) : conjunction(a[i], b[row]);
  }

  /// Array multiplier: row 0 is a * b[0]; each further row is added to the shifted running sum. A signed
  /// product is this sum plus signed_offset().
  Word multiply(const Word& a, const Word& b, bool is_signed) {
    Word product;
    Word running;
    for (std::size_t row = 0; row < b.size(); ++row) {
      Word partial;
      for (std::size_t i = 0; i < a.size(); ++i) partial.push_back(partial_product(a, b, i, row, is_signed));
      // A row's sum fits: running < 2^|running|, partial < 2^|a|.
      const Word sum = row == 0 || running.empty() ? partial : add(running, partial, a.size() + 1);
      product.push_back(sum.front());
      running.assign(sum.begin() + 1, sum.end());
    }
    product.insert(product.end(), running.begin(), running.end());
    return product;
  }

 private:
  FullAdder design_;
  AndGate and_gate_;
};

/// Baugh and Wooley: a signed product is the sum of its partial products, inverted where one of the bits is a
/// sign, plus this.
std::int64_t signed_offset(int bits_a, int bits_b) {
  return (std::int64_t{1} << (bits_a - 1)) + (std::int64_t{1} << (bits_b - 1)) -
         (std::int64_t{1} << (bits_a + bits_b - 1));
}

/// Adds bits of any weight. Three pending bits of one weight and level go through a full adder at once: a
/// Wallace tree evaluated depth first, so that two bits a level and weight are alive and no more.
class CarrySave {
 public:
  explicit CarrySave(Wiring& wiring) : wiring_(wiring) {}

  void add(std::size_t weight, std::int32_t bit) { add(weight, 0, bit); }

  /// The sum modulo 2^width: the rest of every weight, then its carries upwards.
  Word sum(std::size_t width) {
    Word word;
    Word carries;
    for (std::size_t weight = 0; weight < width; ++weight) {
      Word bits;
      if (weight < pending_.size()) {
        for (const Word& level : pending_[weight]) bits.insert(bits.end(), level.begin(), level.end());
      }
      bits.insert(bits.end(), carries.begin(), carries.end());
      carries.clear();
      std::size_t first = 0;  // a queue: the oldest bits are of the lowest level
      while (bits.size() - first > 1) {
        const bool full = bits.size() - first > 2;
        const SumCarry out = full ? wiring_.full_add(bits[first], bits[first + 1], bits[first + 2])
                                  : wiring_.half_add(bits[first], bits[first + 1]);
        first += full ? 3 : 2;
        bits.push_back(out.sum);
        carries.push_back(out.carry);
      }
      word.push_back(first < bits.size() ? bits[first] : wiring_.builder.constant(0));
    }
    return word;
  }

 private:
  void add(std::size_t weight, std::size_t level, std::int32_t bit) {
    if (pending_.size() <= weight) pending_.resize(weight + 1);
    if (pending_[weight].size() <= level) pending_[weight].resize(level + 1);
    Word& bits = pending_[weight][level];
    bits.push_back(bit);
    if (bits.size() < 3) return;
    const SumCarry out = wiring_.full_add(bits[0], bits[1], bits[2]);
    bits.clear();
    add(weight, level + 1, out.sum);
    add(weight + 1, level + 1, out.carry);
  }

  Wiring& wiring_;
  std::vector<std::vector<Word>> pending_;  ///< [weight][level]
};

/// Sums and products, with the number of terms that a partial sum holds.
class DotProduct {
 public:
  DotProduct(Wiring& wiring, const std::vector<Word>& x, const std::vector<Word>& w, bool is_signed)
      : wiring_(wiring), x_(x), w_(w), signed_(is_signed) {
    const int bits_x = static_cast<int>(x.front().size());
    const int bits_w = static_cast<int>(w.front().size());
    if (is_signed) {
      offset_ = signed_offset(bits_x, bits_w);
      const std::int64_t most = std::int64_t{1} << (bits_x + bits_w - 2);  // the lowest times the lowest
      largest_ = static_cast<std::uint64_t>(most - offset_);
      // Every product lies in (-most, most]: the width follows from the upper end.
      const auto sum = static_cast<std::uint64_t>(most) * x.size();
      width_ = static_cast<std::size_t>(std::bit_width(sum)) + 1;
    } else {
      largest_ = ((std::uint64_t{1} << bits_x) - 1) * ((std::uint64_t{1} << bits_w) - 1);
      width_ = width(x.size());
    }
  }

  Word chain() {
    Word sum = term(0);
    for (std::size_t i = 1; i < x_.size(); ++i) {
      const Word next = term(i);
      sum = wiring_.add(sum, next, width(i + 1));
    }
    return finish(std::move(sum));
  }

  Word tree() { return finish(tree(0, static_cast<std::size_t>(std::bit_width(x_.size() - 1)))); }

  Word carry_save() {
    CarrySave accumulator(wiring_);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      for (std::size_t row = 0; row < w_[i].size(); ++row) {
        for (std::size_t bit = 0; bit < x_[i].size(); ++bit) {
          accumulator.add(bit + row, wiring_.partial_product(x_[i], w_[i], bit, row, signed_));
        }
      }
    }
    return finish(accumulator.sum(width_));
  }

 private:
  /// Neighbours are added pairwise, level by level, the odd one passed on; evaluated depth first, so that few
  /// partial sums are alive at a time. Covers the terms [first, first + 2^level), cut at the end.
  Word tree(std::size_t first, std::size_t level) {
    if (level == 0) return term(first);
    const std::size_t half = std::size_t{1} << (level - 1);
    const Word left = tree(first, level - 1);
    if (first + half >= x_.size()) return left;
    const Word right = tree(first + half, level - 1);
    const std::size_t terms = std::min(first + 2 * half, x_.size()) - first;
    return wiring_.add(left, right, width(terms));
  }

  Word term(std::size_t i) { return wiring_.multiply(x_[i], w_[i], signed_); }
  std::size_t width(std::size_t terms) const {
    return static_cast<std::size_t>(std::bit_width(terms * largest_));
  }
  Word finish(Word sum) {
    if (!signed_) return sum;
    if (sum.size() > width_) sum.resize(width_);
    return wiring_.add_constant(sum, static_cast<std::uint64_t>(offset_) * x_.size(), width_);
  }

  Wiring& wiring_;
  const std::vector<Word>& x_;
  const std::vector<Word>& w_;
  bool signed_;
  std::int64_t offset_ = 0;    ///< of one product
  std::uint64_t largest_ = 0;  ///< of one product, without its offset
  std::size_t width_ = 0;      ///< of the result
};

/// One product of operands with these widths; a signed one with its constant.
Word product_of(Wiring& wiring, const Word& a, const Word& b, bool is_signed) {
  const Word sum = wiring.multiply(a, b, is_signed);
  if (!is_signed) return sum;
  const auto bits_a = static_cast<int>(a.size()), bits_b = static_cast<int>(b.size());
  return wiring.add_constant(sum, static_cast<std::uint64_t>(signed_offset(bits_a, bits_b)),
                             a.size() + b.size());
}

void expect_operands(std::int64_t length, int bits_x, int bits_w) {
  detail::expect_within("length", length, 1, 65536);
  detail::expect_within("bits_x", bits_x, 1, 16);
  detail::expect_within("bits_w", bits_w, 1, 16);
}

}  // namespace

Program full_adder(FullAdder design) {
  Wiring wiring(design, AndGate::nand_not);
  const std::int32_t a = wiring.builder.input("a", 1).front();
  const std::int32_t b = wiring.builder.input("b", 1).front();
  const std::int32_t c = wiring.builder.input("c", 1).front();
  const SumCarry out = wiring.full_add(a, b, c);
  wiring.builder.output("sum", {out.sum});
  wiring.builder.output("carry", {out.carry});
  return wiring.builder.build();
}

Program adder(int bits, FullAdder design, bool is_signed) {
  detail::expect_within("bits", bits, 1, 62);
  Wiring wiring(design, AndGate::nand_not);
  const Word a = wiring.builder.input("a", bits, is_signed);
  const Word b = wiring.builder.input("b", bits, is_signed);
  std::int32_t carry = wiring.builder.constant(0);
  Word sum;
  for (std::size_t bit = 0; bit < a.size(); ++bit) {
    const SumCarry out = wiring.full_add(a[bit], b[bit], carry);
    sum.push_back(out.sum);
    // The sign of a signed sum: its top bits once more, extended by one.
    if (is_signed && bit + 1 == a.size()) {
      sum.push_back(wiring.full_add(a[bit], b[bit], out.carry).sum);
    }
    carry = out.carry;
  }
  if (!is_signed) sum.push_back(carry);
  wiring.builder.output("sum", sum, is_signed);
  return is_signed ? prune(wiring.builder.build()) : wiring.builder.build();
}

Program subtractor(int bits, FullAdder design, bool is_signed) {
  detail::expect_within("bits", bits, 1, 62);
  Wiring wiring(design, AndGate::nand_not);
  const Word a = wiring.builder.input("a", bits, is_signed);
  const Word b = wiring.builder.input("b", bits, is_signed);
  auto [difference, carry] = wiring.subtract(a, b);
  // The sign: NOT carry; of signed operands, their signs once more, extended by one bit.
  difference.push_back(is_signed ? wiring.full_add(a.back(), wiring.invert(b.back()), carry).sum
                                 : wiring.invert(carry));
  wiring.builder.output("difference", difference, true);
  return prune(wiring.builder.build());
}

Program greater_equal(int bits, FullAdder design, bool is_signed) {
  detail::expect_within("bits", bits, 1, 62);
  Wiring wiring(design, AndGate::nand_not);
  Word a = wiring.builder.input("a", bits, is_signed);
  Word b = wiring.builder.input("b", bits, is_signed);
  if (is_signed) std::swap(a.back(), b.back());  // the sign counts the other way round
  wiring.builder.output("y", {wiring.subtract(a, b).second});
  return prune(wiring.builder.build());
}

Program popcount(int bits, FullAdder design) {
  detail::expect_within("bits", bits, 1, 63);
  Wiring wiring(design, AndGate::nand_not);
  CarrySave sum(wiring);
  for (const std::int32_t bit : wiring.builder.input("x", bits)) sum.add(0, bit);
  const auto width = static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(bits)));
  wiring.builder.output("count", sum.sum(width));
  return prune(wiring.builder.build());
}

Program xnor_dot(std::int64_t length, FullAdder design) {
  detail::expect_within("length", length, 1, 65536);
  Wiring wiring(design, AndGate::nand_not);
  const std::vector<Word> x = wiring.builder.input_words("x", 1, length);
  const std::vector<Word> w = wiring.builder.input_words("w", 1, length);
  CarrySave sum(wiring);
  for (std::size_t i = 0; i < x.size(); ++i) sum.add(0, wiring.equal(x[i].front(), w[i].front()));
  wiring.builder.output("y", sum.sum(static_cast<std::size_t>(std::bit_width(x.size()))));
  return prune(wiring.builder.build());
}

Program multiplier(int bits_a, int bits_b, FullAdder design, AndGate and_gate, bool is_signed) {
  detail::expect_within("bits_a", bits_a, 1, 31);
  detail::expect_within("bits_b", bits_b, 1, 31);
  Wiring wiring(design, and_gate);
  const Word a = wiring.builder.input("a", bits_a, is_signed);
  const Word b = wiring.builder.input("b", bits_b, is_signed);
  wiring.builder.output("product", product_of(wiring, a, b, is_signed), is_signed);
  return is_signed ? prune(wiring.builder.build()) : wiring.builder.build();
}

Program dot(std::int64_t length, int bits_x, int bits_w, Accumulate accumulate, FullAdder design,
            AndGate and_gate, bool is_signed) {
  if (accumulate == Accumulate::hybrid) return products(length, bits_x, bits_w, design, and_gate, is_signed);
  expect_operands(length, bits_x, bits_w);
  Wiring wiring(design, and_gate);
  const std::vector<Word> x = wiring.builder.input_words("x", bits_x, length, is_signed);
  const std::vector<Word> w = wiring.builder.input_words("w", bits_w, length, is_signed);
  DotProduct product(wiring, x, w, is_signed);
  wiring.builder.output("y",
                        accumulate == Accumulate::chain ? product.chain()
                        : accumulate == Accumulate::csa ? product.carry_save()
                                                        : product.tree(),
                        is_signed);
  return prune(wiring.builder.build());
}

Program products(std::int64_t length, int bits_x, int bits_w, FullAdder design, AndGate and_gate,
                 bool is_signed) {
  expect_operands(length, bits_x, bits_w);
  Wiring wiring(design, and_gate);
  const std::vector<Word> x = wiring.builder.input_words("x", bits_x, length, is_signed);
  const std::vector<Word> w = wiring.builder.input_words("w", bits_w, length, is_signed);
  std::vector<Word> words;
  for (std::size_t i = 0; i < x.size(); ++i) words.push_back(product_of(wiring, x[i], w[i], is_signed));
  wiring.builder.output_words("products", words, is_signed);
  return prune(wiring.builder.build());
}

}  // namespace nonideal::cram::circuits
