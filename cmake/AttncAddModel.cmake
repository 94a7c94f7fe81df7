# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include_guard()

# attnc_add_model(NAME MODEL [DIMS name=value...] [CPU cpu] [EXTERNAL_WEIGHTS] [DEPENDS files...]): a library target from a model.
#
# MODEL is a model.json or a Hugging Face directory, relative to the current source folder. The library holds the object
# that attnc makes of it and links the runtime; whoever links it includes "NAME.h". It is compiled again when MODEL, the
# weights of a directory, one of DEPENDS (say, the weights that model.json names) or the compiler changes.
# With EXTERNAL_WEIGHTS the packed weights are in a file, to be mapped by NAME_map_weights(); the target's property ATTNC_WEIGHTS
# is its path.
function(attnc_add_model name model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "EXTERNAL_WEIGHTS" "CPU" "DIMS;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "attnc_add_model(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  cmake_path(ABSOLUTE_PATH model BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  if(NOT EXISTS ${model})
    message(FATAL_ERROR "attnc_add_model(${name}): there is no ${model}")
  endif()
  set(options)
  foreach(dim IN LISTS arg_DIMS)
    list(APPEND options --dim ${dim})
  endforeach()
  if(arg_CPU)
    list(APPEND options --cpu ${arg_CPU})
  endif()
  set(sources ${model})
  if(IS_DIRECTORY ${model})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${model}/*.json ${model}/*.safetensors)
  endif()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.attnc)
  file(MAKE_DIRECTORY ${folder})
  set(weights)
  if(arg_EXTERNAL_WEIGHTS)
    list(APPEND options --weights external)
    set(weights ${folder}/${name}.weights)
  endif()
  add_custom_command(
    OUTPUT ${folder}/${name}.o ${folder}/${name}.h ${weights}
    COMMAND attnc::attnc ${model} -o ${folder}/${name}.o ${options}
    DEPENDS ${sources} ${arg_DEPENDS} attnc::attnc
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    COMMENT "attnc: compiling ${name}" VERBATIM)
  add_library(${name} STATIC ${folder}/${name}.o ${folder}/${name}.h)
  set_source_files_properties(${folder}/${name}.o PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  # The archive needs some language, but makes nobody link the C++ library.
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("C" IN_LIST languages)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
  else()
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  endif()
  if(weights)
    set_target_properties(${name} PROPERTIES ATTNC_WEIGHTS ${weights})
  endif()
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} PUBLIC attnc::runtime)
endfunction()
