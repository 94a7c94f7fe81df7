# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How test suites are declared. Each suite is one ctest test (starting LLVM and Halide once, not once a case) and writes its
# cases to results/<name>.xml, which tests/run_tests.py counts.
include_guard()

set(ATTNC_RESULTS ${PROJECT_BINARY_DIR}/results)

# attnc_test_environment(NAME [CHECK_LEAKS]): what a suite may rely on.
function(attnc_test_environment name)
  cmake_parse_arguments(arg "CHECK_LEAKS" "" "" ${ARGN})
  set(environment "CMAKE_BUILD_DIR=${PROJECT_BINARY_DIR}")
  set(seconds 900)
  if(SANITIZE)
    set(seconds 3600) # AddressSanitizer's allocator serves Halide and LLVM too: some compile ten times as long.
    # Halide and LLVM keep what they allocate at start, so suites that load Halide do not look for leaks. LLVM's bump allocator poisons
    # its slabs in code that is instrumented (its headers in ours) and does not lift that in code that is not (its library).
    set(leaks 0)
    if(arg_CHECK_LEAKS)
      set(leaks 1)
    endif()
    # Halide compiles on a stack of its own unless it has the size 0; an exception that leaves that stack would have it taken for poisoned.
    list(APPEND environment "ASAN_OPTIONS=detect_leaks=${leaks}:strict_string_checks=1:allow_user_poisoning=0" "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
         "HL_COMPILER_STACK_SIZE=0")
  endif()
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" TIMEOUT ${seconds})
endfunction()

# attnc_gtest_suite(NAME EXECUTABLE FOLDER FILTER options...): a ctest test of those cases that --gtest_filter=FILTER takes.
function(attnc_gtest_suite name executable folder filter)
  add_test(NAME ${name} COMMAND ${executable} --gtest_brief=1 --gtest_output=xml:${ATTNC_RESULTS}/${name}.xml --gtest_filter=${filter}
           WORKING_DIRECTORY ${folder})
  attnc_test_environment(${name} ${ARGN})
endfunction()

# attnc_gtest(NAME [CHECK_LEAKS] SOURCES sources... LIBRARIES libraries... [DATA folder] [APART word]): a GoogleTest executable and its
# ctest test. It runs in `DATA`, else in the folder that declares it. Cases with `APART` in their names are a ctest test of their own,
# NAME-APART, beside which the others run.
function(attnc_gtest name)
  cmake_parse_arguments(arg "CHECK_LEAKS" "DATA;APART" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_DATA)
    set(arg_DATA ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} attnc_options GTest::gtest_main)
  set(leaks)
  if(arg_CHECK_LEAKS)
    set(leaks CHECK_LEAKS)
  endif()
  if(arg_APART)
    attnc_gtest_suite(${name}-${arg_APART} ${name} ${arg_DATA} "*${arg_APART}*" ${leaks})
    attnc_gtest_suite(${name} ${name} ${arg_DATA} "-*${arg_APART}*" ${leaks})
  else()
    attnc_gtest_suite(${name} ${name} ${arg_DATA} "*" ${leaks})
  endif()
endfunction()

# attnc_script_test(NAME SCRIPT arguments...): a Python script as one suite; it gets --results FILE to write its cases to.
function(attnc_script_test name script)
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} ${script} ${ARGN} --results ${ATTNC_RESULTS}/${name}.xml
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  attnc_test_environment(${name})
endfunction()
