#pragma once

#include <cstdint>
#include <span>

#include "nonideal/base/export.hpp"

/// Stochastic Landau-Lifshitz-Gilbert (LLG) trajectories of one magnetic moment under spin torque, by the
/// million: the free layer of a perpendicular magnetic tunnel junction as a single spin.
///
/// The equation, in time units of 1 / (gamma mu0 H_k), with m the unit vector of the moment, alpha the
/// damping, i the overdrive (current over critical current), f the field-like ratio, e the easy axis (z):
///
///   (1 + alpha^2) dm/ds = -m x h - alpha m x (m x h) + alpha i m x (m x e),   h = (m_z - f alpha i) e + h_th
///
/// The moment starts near +z; the torque of i > 1 turns it over. H_k is the effective anisotropy field, with
/// the demagnetising field of a thin disc taken off. h_th is white noise of the strength that makes
/// exp(-delta sin^2 theta) the equilibrium: variance alpha / (delta ds) per component (W. F. Brown, Phys.
/// Rev. 130, 1677, 1963). Only delta, alpha, gamma mu0 H_k, i and f are free: volume, magnetisation and
/// temperature stand in delta.
///
/// Scheme: Heun's predictor and corrector with one noise sample for both, which converges to Stratonovich's
/// solution, then m is scaled back to length 1. With x = gamma mu0 H_k dt, Heun's rule lets a precessing
/// moment gain x^4 / 8 of its amplitude per step where damping takes alpha x: the effective damping is off
/// by the relative amount x^3 / (8 alpha), 0.2 % for 0.3 T, alpha = 0.01 and 1 ps. Steps that are too coarse
/// are refused; see longest_macrospin_step().
///
/// Noise increments are not Gaussian but take four values, +-sqrt(3.4495) with probability 1/8 each and
/// +-sqrt(0.1835) with 3/8 each: three random bits. Their moments of order 1 to 5 are exactly those of a
/// normal number, which is all that a scheme of weak order 2 needs, and more than Heun's (weak order 1 for
/// this noise) can see (Kloeden and Platen, Numerical Solution of Stochastic Differential Equations, 1992,
/// section 14.2). The first difference is the sixth cumulant, -4.73: along the most likely way over a barrier
/// it changes the exponent by delta alpha^2 x^2 delta^2 / 100 at most, 6e-6 of delta at delta = 60.
/// No logarithm, sine or table is needed, and the increments are bitwise the same everywhere.
///
/// Random numbers: Philox4x32-10 with key = seed. Counter word 0 is the low half of the trajectory's number;
/// word 1 the draw; word 2, from its lowest bit, the high part of the trajectory (24 bits) and the purpose
/// (8: Purpose::kMacrospin); word 3 the stream. Draw d < 2^31 holds the noise of the steps 12 d .. 12 d + 11:
/// step 12 d + 3 w + j takes bits 9 j + 3 c .. 9 j + 3 c + 2 of word w for component c = x, y, z (lowest bit:
/// sign; both others set: the large value). Draws from 2^31 on are the uniform numbers of the initial state.
///
/// Determinism: trajectory n depends on (parameters, overdrive, durations up to the one that is asked for,
/// max_step, seed, stream, n) alone; the same bits for every thread count and instruction set.
namespace nonideal::cram {

/// Gyromagnetic ratio of the electron, rad / (s T), to the digits of the device literature.
inline constexpr double kGyromagneticRatio = 1.760859e11;

struct Macrospin {
  double delta = 60.0;            ///< thermal stability, barrier / (k_B T); >= 1
  double damping = 0.01;          ///< Gilbert's alpha, in (0, 1]
  double anisotropy_field = 0.3;  ///< mu0 H_k, tesla, > 0
  double field_like = 0.0;        ///< field-like over damping-like torque; > 0 helps a positive current
};

struct MacrospinOptions {
  double max_step = 1e-12;  ///< second; every stretch between two durations has equal steps
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;           ///< in [0, 2^32): independent runs of one seed
  std::int64_t first_trajectory = 0;  ///< this call computes this trajectory and those that follow
  int num_threads = 0;                ///< 0: the default
};

/// The longest step that is allowed, in second, 1 ps at most: x^3 / (8 alpha) <= 0.05, noise per step
/// alpha x / delta <= 0.01, and spin torque per step alpha |i| x <= 0.1. Throws InvalidArgument where a
/// parameter is out of range.
NONIDEAL_API double longest_macrospin_step(const Macrospin& spin, double overdrive);

/// Runs `trajectories` moments from thermal equilibrium around +z (theta from exp(-delta sin^2 theta)
/// sin theta on the upper half sphere, phi uniform) under a current that is switched on at time 0.
///
/// durations: second, >= 0, ascending; trajectories are shared by all of them. switched[j]: how many of the
/// trajectories have m_z < 0 after durations[j]. states, where given: m after durations[j], float32, of shape
/// (durations, trajectories, 3). Throws InvalidArgument before anything is written. Cost: 82 floating
/// point operations per step and trajectory, no memory beyond 4 KiB per thread.
NONIDEAL_API void run_macrospins(const Macrospin& spin, double overdrive, std::span<const double> durations,
                                 std::int64_t trajectories, const MacrospinOptions& options,
                                 std::span<std::int64_t> switched, std::span<float> states = {});

}  // namespace nonideal::cram
