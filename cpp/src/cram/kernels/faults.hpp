#pragma once

#include <cstdint>

/// Gates without errors and distances of words, on one block of 4096 lanes.
namespace nonideal::cram::kernels {

inline constexpr int kFaultWords = 64;  ///< of a block's plane

/// One gate: a threshold on the number of ones.
struct Threshold {
  int fan_in;
  int threshold;
  int preset;
  const std::uint64_t* in[5];
  std::uint64_t* out;
};

/// Sums over wrong lanes, those of k ones at index k; also the lanes (wrong or not) that see k ones.
struct DistanceSums {
  std::int64_t lanes[6];
  std::int64_t wrong[6];
  double signed_error[6];
  double distance[6];
  double square[6];
  double fourth[6];
};

/// Two words per lane, as planes from the lowest bit up.
struct Words {
  int bits;
  bool is_signed;
  const std::uint64_t* const* noisy;
  const std::uint64_t* const* exact;
  const std::uint64_t* valid;  ///< lanes that count
  int fan_in;                  ///< of the gate that lanes are sorted by; 0: all lanes are of k = 0
  const std::uint64_t* in[5];  ///< its inputs
};

#define NONIDEAL_FAULT_ENTRIES          \
  void evaluate(const Threshold& gate); \
  void add_distances(const Words& words, DistanceSums& sums);
namespace baseline {
NONIDEAL_FAULT_ENTRIES
}
namespace avx2 {
NONIDEAL_FAULT_ENTRIES
}
namespace avx512 {
NONIDEAL_FAULT_ENTRIES
}
#undef NONIDEAL_FAULT_ENTRIES

}  // namespace nonideal::cram::kernels
