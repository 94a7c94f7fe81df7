# How every target of attnc is compiled.
include_guard()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# The project's warnings and sanitizers, for our own code only.
add_library(attnc_options INTERFACE)
target_compile_options(attnc_options INTERFACE -Wall -Wextra)
target_include_directories(attnc_options INTERFACE ${PROJECT_SOURCE_DIR})
if(SANITIZE)
  # -O1: the checks stay the same, and compiling takes half the time of -O3.
  target_compile_options(attnc_options INTERFACE -O1 -fsanitize=${SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(attnc_options INTERFACE -fsanitize=${SANITIZE})
endif()

# attnc_library(NAME sources...): a static library of the compiler, plain C++ (no MLIR, no LLVM, no Halide headers).
function(attnc_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC attnc_options)
endfunction()

# attnc_mlir_library(NAME sources...): one that includes MLIR's headers; they are system headers, so they give no warnings.
function(attnc_mlir_library name)
  attnc_library(${name} ${ARGN})
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_include_directories(${name} PUBLIC ${PROJECT_BINARY_DIR})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
endfunction()
