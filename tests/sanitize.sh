#!/usr/bin/env bash
# Runs quick Python tests on an extension that is built with AddressSanitizer and UndefinedBehaviorSanitizer, and the
# C++ tests of atoms beside it:
#   tests/sanitize.sh [PYTHON [pytest arguments ...]]
# PYTHON (default: python) has nonideal[test] installed; the build goes to build/sanitize and is kept for the next time.
# The same for the C++ tests:
#   cmake -S . -B build/sanitize-cpp -DNONIDEAL_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug
#   cmake --build build/sanitize-cpp -j2 && ctest --test-dir build/sanitize-cpp --output-on-failure
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python}"
shift || true
hardware=tests/python/hardware
flow=tests/python/physics/flow
atoms=tests/python/physics/atoms
ctests='^((atoms_(message|node|potential|profile|radial)|neighbors)\.(baseline|avx512)|atoms_model\.baseline)$'
[ $# -eq 0 ] || ctests=''
[ $# -gt 0 ] || set -- $hardware/cram/test_{simulation,planes,placement,program,gates}.py tests/python/test_threads.py \
  $hardware/quantum/test_{sampling,distance}.py $flow/test_{simplex,mesh,tetrahedra,taylor_hood,oseen_operator,native_lu,reduced}.py \
  $atoms/test_{neighbors,message,potential,model_file,system}.py -m "not slow" \
  --deselect $atoms/test_message.py::test_instruction_sets_agree \
  --deselect $atoms/test_message.py::test_a_training_step_needs_a_tenth_of_the_memory \
  --deselect $atoms/test_message.py::test_operations_keep_torchs_rules \
  --deselect $atoms/test_message.py::test_one_openmp_runtime_beside_torch \
  --deselect $atoms/test_message.py::test_missing_torch_is_named \
  --deselect $atoms/test_potential.py::test_instruction_sets_agree \
  --deselect $flow/test_reduced.py::test_instruction_sets_give_the_same_bits \
  --deselect $flow/test_reduced.py::test_tolerances_are_those_of_the_values_left_out \
  --deselect $flow/test_tetrahedra.py::test_orders_of_convergence  # long ones, of code that others run too
site="$PWD/build/sanitize-site"

rm -rf "$site"
"$python" -m pip install -q --no-build-isolation --no-deps --target "$site" . -Cbuild-dir=build/sanitize \
  -Ccmake.build-type=RelWithDebInfo -Ccmake.define.NONIDEAL_SANITIZE=address,undefined -Cinstall.strip=false \
  -Ccmake.define.CMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1 -D_GLIBCXX_ASSERTIONS" \
  -Ccmake.define.CMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF -Ccmake.define.NONIDEAL_BUILD_TESTS=OFF
# An editable install would outrank PYTHONPATH: its finder goes.
cat > "$site/sitecustomize.py" <<'PYTHON'
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "_editable_skbc_nonideal" not in repr(finder)]
PYTHON

library() { "${CXX:-c++}" -print-file-name="$1"; }
preload="$(library libasan.so) $(library libubsan.so) $(library libstdc++.so)"
sanitized() {  # leaks are CPython's own business; Python's allocator would hide what lies beyond an array
  env LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH="$site" "$@"
}

# Is it on? An array that claims to be longer than its memory must be reported, with the line that reads too far.
fault='
import numpy as np
from nonideal import _core
assert "sanitize-site" in _core.__file__, _core.__file__
words = np.lib.stride_tricks.as_strided(np.zeros((1, 512), np.uint64), shape=(1, 1024), strides=(8192, 8))
_core.cram.unpack(words, 65536, 1, False, 1)
'
if report="$(sanitized "$python" -c "$fault" 2>&1)" || ! grep -q heap-buffer-overflow <<< "$report" ||
  ! grep -q "planes.cpp:" <<< "$report"; then
  echo "$report" >&2
  echo "sanitize.sh: the planted fault was not reported; the sanitizer is not on" >&2
  exit 1
fi
echo "the planted fault was reported; now the tests"
sanitized "$python" -m pytest -q -p no:cacheprovider "$@"

[ -n "$ctests" ] || exit 0
bin="$(dirname "$("$python" -c 'import sys; print(sys.executable)')")"
"$bin/cmake" -S . -B build/sanitize -DNONIDEAL_BUILD_TESTS=ON > /dev/null
"$bin/cmake" --build build/sanitize -j2 --target test_atoms_{message,model,node,potential,profile,radial} test_neighbors
"$bin/ctest" --test-dir build/sanitize --output-on-failure -j2 -R "$ctests"
