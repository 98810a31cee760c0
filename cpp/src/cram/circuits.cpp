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

  /// Unsigned array multiplier: row 0 is a * b[0]; each further row is added to the shifted running sum.
  Word multiply(const Word& a, const Word& b) {
    Word product;
    Word running;
    for (std::size_t row = 0; row < b.size(); ++row) {
      Word partial;
      for (const std::int32_t bit : a) partial.push_back(conjunction(bit, b[row]));
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

/// Sums and products of unsigned words, with the number of terms that a partial sum holds.
class DotProduct {
 public:
  DotProduct(Wiring& wiring, const std::vector<Word>& x, const std::vector<Word>& w)
      : wiring_(wiring),
        x_(x),
        w_(w),
        largest_((((std::uint64_t{1} << x.front().size()) - 1)) *
                 ((std::uint64_t{1} << w.front().size()) - 1)) {}

  Word chain() {
    Word sum = term(0);
    for (std::size_t i = 1; i < x_.size(); ++i) {
      const Word next = term(i);
      sum = wiring_.add(sum, next, width(i + 1));
    }
    return sum;
  }

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

 private:
  Word term(std::size_t i) { return wiring_.multiply(x_[i], w_[i]); }
  std::size_t width(std::size_t terms) const {
    return static_cast<std::size_t>(std::bit_width(terms * largest_));
  }

  Wiring& wiring_;
  const std::vector<Word>& x_;
  const std::vector<Word>& w_;
  std::uint64_t largest_;  ///< of one product
};

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

Program adder(int bits, FullAdder design) {
  detail::expect_within("bits", bits, 1, 62);
  Wiring wiring(design, AndGate::nand_not);
  const Word a = wiring.builder.input("a", bits);
  const Word b = wiring.builder.input("b", bits);
  std::int32_t carry = wiring.builder.constant(0);
  Word sum;
  for (std::size_t bit = 0; bit < a.size(); ++bit) {
    const SumCarry out = wiring.full_add(a[bit], b[bit], carry);
    sum.push_back(out.sum);
    carry = out.carry;
  }
  sum.push_back(carry);
  wiring.builder.output("sum", sum);
  return wiring.builder.build();
}

Program multiplier(int bits_a, int bits_b, FullAdder design, AndGate and_gate) {
  detail::expect_within("bits_a", bits_a, 1, 31);
  detail::expect_within("bits_b", bits_b, 1, 31);
  Wiring wiring(design, and_gate);
  const Word a = wiring.builder.input("a", bits_a);
  const Word b = wiring.builder.input("b", bits_b);
  wiring.builder.output("product", wiring.multiply(a, b));
  return wiring.builder.build();
}

Program dot(std::int64_t length, int bits_x, int bits_w, Accumulate accumulate, FullAdder design,
            AndGate and_gate) {
  detail::expect_within("length", length, 1, 65536);
  detail::expect_within("bits_x", bits_x, 1, 16);
  detail::expect_within("bits_w", bits_w, 1, 16);
  Wiring wiring(design, and_gate);
  const std::vector<Word> x = wiring.builder.input_words("x", bits_x, length);
  const std::vector<Word> w = wiring.builder.input_words("w", bits_w, length);
  DotProduct product(wiring, x, w);
  const auto levels = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(length - 1)));
  wiring.builder.output("y", accumulate == Accumulate::chain ? product.chain() : product.tree(0, levels));
  return prune(wiring.builder.build());
}

}  // namespace nonideal::cram::circuits
