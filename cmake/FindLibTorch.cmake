# Finds LibTorch inside the PyPI wheel `torch` and makes LibTorch::LibTorch.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit. The CPU libraries do not need one:
# they only need libcupti and libcudart at run time, which two small wheels bring.
#
#   LACONIC_TORCH_ENV   virtual environment that holds the wheels (default: build/venv)
set(LACONIC_TORCH_ENV ${CMAKE_SOURCE_DIR}/build/venv CACHE PATH
    "Virtual environment with the torch wheel; launcher/setup makes it")
file(GLOB _torch ${LACONIC_TORCH_ENV}/lib/python3*/site-packages/torch)
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${_torch}/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU torch_cpu PATHS ${_torch}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10 c10 PATHS ${_torch}/lib NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU LibTorch_C10)

# libtorch_cpu's own run path leads to the libraries below as long as they lie beside it; a program
# that is linked against a wheel taken apart finds them by its own.
file(GLOB _cuda_runtime ${_torch}/../nvidia/*/lib/libcudart.so.* ${_torch}/../nvidia/*/lib/libcupti.so.*)
set(_run_path ${_torch}/lib)
foreach(_library IN LISTS _cuda_runtime)
  get_filename_component(_folder ${_library} DIRECTORY)
  get_filename_component(_folder ${_folder} ABSOLUTE)
  list(APPEND _run_path ${_folder})
endforeach()
list(REMOVE_DUPLICATES _run_path)
list(JOIN _run_path ":" _run_path)

if(EXISTS ${_torch}/version.py)
  file(STRINGS ${_torch}/version.py LibTorch_VERSION REGEX "^__version__")
  string(REGEX MATCH "[0-9][0-9.]+" LibTorch_VERSION "${LibTorch_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU LibTorch_C10 LibTorch_INCLUDE_DIR _cuda_runtime
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run launcher/setup, or give -DLACONIC_TORCH_ENV=...")
if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU} ${LibTorch_C10})
  target_link_options(LibTorch::LibTorch INTERFACE
    LINKER:-rpath,${_run_path} LINKER:-rpath-link,${_run_path})
endif()
