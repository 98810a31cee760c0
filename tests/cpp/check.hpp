#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "nonideal/base/cpu.hpp"
#include "nonideal/base/error.hpp"

/// The tests' whole framework: checks count and print their failures, and a main() returns run(function).
namespace check {

inline int g_checks = 0;
inline int g_failures = 0;
inline constexpr int kSkipped = 77;  ///< ctest's SKIP_RETURN_CODE

inline bool report(bool passed, const char* file, int line, const std::string& what) {
  ++g_checks;
  if (passed) return true;
  ++g_failures;
  if (g_failures <= 50) std::cerr << file << ":" << line << ": " << what << "\n";
  return false;
}

template <class A, class B>
bool equal(const A& got, const B& want, const char* file, int line, const char* text) {
  const bool passed = got == want;
  if (passed) return report(true, file, line, "");
  std::ostringstream what;
  what << text << ": got " << got << ", expected " << want;
  return report(false, file, line, what.str());
}

/// The call throws InvalidArgument with exactly this text.
template <class Call>
bool refuses(const Call& call, std::string_view want, const char* file, int line) {
  try {
    call();
  } catch (const nonideal::InvalidArgument& refusal) {
    if (refusal.what() == want) return report(true, file, line, "");
    return report(false, file, line,
                  "refused with '" + std::string(refusal.what()) + "', expected '" + std::string(want) + "'");
  } catch (const std::exception& other) {
    return report(false, file, line, std::string("threw something else: ") + other.what());
  }
  return report(false, file, line, "not refused, expected '" + std::string(want) + "'");
}

inline int finish() {
  std::printf("%d checks, %d failures\n", g_checks, g_failures);
  return g_failures == 0 ? 0 : 1;
}

/// Runs the tests under the instruction set that NONIDEAL_ISA asks for; 77 where this processor lacks it.
template <class Tests>
int run(const Tests& tests) {
  try {
    std::printf("instruction set %s\n", std::string(nonideal::name(nonideal::active_isa())).c_str());
  } catch (const nonideal::InvalidArgument& refusal) {
    std::printf("%s\n", refusal.what());
    return std::string_view(refusal.what()).find("is above what") != std::string_view::npos ? kSkipped : 1;
  }
  try {
    tests();
  } catch (const std::exception& error) {
    report(false, __FILE__, __LINE__, std::string("ended by an exception: ") + error.what());
  }
  return finish();
}

}  // namespace check

#define CHECK(...) ::check::report(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
#define CHECK_EQUAL(got, want) ::check::equal((got), (want), __FILE__, __LINE__, #got)
#define CHECK_REFUSED(want, ...) ::check::refuses([&] { (void)(__VA_ARGS__); }, (want), __FILE__, __LINE__)
