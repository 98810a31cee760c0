#pragma once

#include <cstdint>

/// What program.cpp and its kernel share: plain structs of raw pointers, no member functions.
namespace nonideal::quantum::kernels {

inline constexpr int kLanes = 32;  ///< circuits that run together

enum class Op : std::uint16_t {
  one,       ///< d = 1
  multiply,  ///< d = a * b
  scale,     ///< d = k * a
  add,       ///< d = a + b
  subtract,  ///< d = a - b
  axpy,      ///< d = a + k * b
  minus,     ///< d = c * a - s * b, with c and s the registers 2 slot and 2 slot + 1
  plus,      ///< d = c * a + s * b
  split,     ///< d = c * a, e = s * a
  rotate,    ///< d = c * a - s * b, e = c * b + s * a
};

struct Step {
  Op op;
  std::uint16_t slot;
  std::uint16_t d, e;  ///< registers that are written
  std::uint16_t a, b;  ///< registers that are read
  double k;
};

/// One block of kLanes circuits. `registers` are kLanes numbers each, aligned to 64 bytes.
struct Block {
  const Step* steps;
  std::int64_t n_steps;
  double* registers;
};

/// Angles to cosines and sines: registers 2 s and 2 s + 1 from angle s of every lane; |angle| <= 1e6.
struct Turns {
  const double* angles;  ///< n_slots x kLanes, aligned to 64 bytes
  int n_slots;
  double* registers;
};

namespace baseline {
void run_block(const Block& block);
void turn(const Turns& turns);
}  // namespace baseline
namespace avx2 {
void run_block(const Block& block);
void turn(const Turns& turns);
}  // namespace avx2
namespace avx512 {
void run_block(const Block& block);
void turn(const Turns& turns);
}  // namespace avx512

}  // namespace nonideal::quantum::kernels
