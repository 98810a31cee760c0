// Energy, forces and virial of a periodic crystal from a model file.
//   potential_host MODEL < structure
// The structure: nine numbers, the cell's vectors as rows; then a line with number, x, y, z for each atom.
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <vector>

#include "nonideal/atoms/potential.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: potential_host MODEL < structure\n", stderr);
    return 2;
  }
  nonideal::atoms::Cell cell{{}, {true, true, true}};
  for (double& component : cell.rows) std::cin >> component;
  std::vector<double> positions;
  std::vector<std::int32_t> numbers;
  std::int32_t number = 0;
  for (std::array<double, 3> at{}; std::cin >> number >> at[0] >> at[1] >> at[2];) {
    numbers.push_back(number);
    positions.insert(positions.end(), at.begin(), at.end());
  }
  try {
    const nonideal::atoms::Potential potential(argv[1], {.precision = nonideal::atoms::Precision::float64});
    const auto result = potential.compute(positions, numbers, cell, {.virial = true});
    std::printf("%.15g\n", result.energy);
    for (std::size_t i = 0; i < result.forces.size(); i += 3) {
      std::printf("%.15g %.15g %.15g\n", result.forces[i], result.forces[i + 1], result.forces[i + 2]);
    }
    for (std::size_t i = 0; i < 9; i += 3) {
      std::printf("%.15g %.15g %.15g\n", result.virial[i], result.virial[i + 1], result.virial[i + 2]);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
