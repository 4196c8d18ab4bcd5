# Finds LibTorch inside the PyPI wheel `torch` and makes LibTorch::LibTorch.
#
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit. The CPU libraries do not need one:
# they only need libcupti and libcudart at run time, which two small wheels bring.
#
#   LACONIC_TORCH_ENV   virtual environment that holds the wheels (default: build/venv)
set(LACONIC_TORCH_ENV ${CMAKE_SOURCE_DIR}/build/venv CACHE PATH
    "Virtual environment with the torch wheel; launcher/setup makes it")
file(GLOB _site ${LACONIC_TORCH_ENV}/lib/python3*/site-packages)
find_path(LibTorch_INCLUDE_DIR torch/torch.h
          PATHS ${_site}/torch/include/torch/csrc/api/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU torch_cpu PATHS ${_site}/torch/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10 c10 PATHS ${_site}/torch/lib NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU LibTorch_C10 LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run launcher/setup, or give -DLACONIC_TORCH_ENV=...")
if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  file(GLOB _nvidia ${_site}/nvidia/*/lib)
  file(STRINGS ${_site}/torch/version.py _version REGEX "^__version__")
  string(REGEX MATCH "[0-9][0-9.]+" LibTorch_VERSION "${_version}")
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${_site}/torch/include ${LibTorch_INCLUDE_DIR})
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU} ${LibTorch_C10})
  target_link_options(LibTorch::LibTorch INTERFACE
    -Wl,-rpath,${_site}/torch/lib "SHELL:-Wl,-rpath,$<JOIN:${_nvidia},:>"
    "SHELL:-Wl,-rpath-link,$<JOIN:${_nvidia},:>" -Wl,--allow-shlib-undefined)
endif()
