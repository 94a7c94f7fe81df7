// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"

#include <cstdarg>
#include <cstdio>

namespace attnc::rt {

attnc_status fail(attnc_error *error, attnc_status status, const char *format, ...) {
  if (!error)
    return status;
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  for (char *c = error->message; *c; ++c)
    if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f)
      *c = '?';
  return status;
}

attnc_status failAbi(const attnc_model &model, attnc_error *error) {
  return fail(error, ATTNC_ERROR_ABI,
              "the object was compiled for runtime ABI %u, this runtime has ABI %u; compile it with the attnc of this "
              "runtime",
              model.abi_version, ATTNC_ABI_VERSION);
}

attnc_status succeed(attnc_error *error) {
  if (error) {
    error->status = ATTNC_OK;
    error->message[0] = 0;
  }
  return ATTNC_OK;
}

} // namespace attnc::rt

const char *attnc_status_name(attnc_status status) {
  switch (status) {
  case ATTNC_OK:
    return "ok";
  case ATTNC_ERROR_ARGUMENT:
    return "argument";
  case ATTNC_ERROR_ABI:
    return "abi";
  case ATTNC_ERROR_CPU:
    return "cpu";
  case ATTNC_ERROR_WEIGHTS:
    return "weights";
  case ATTNC_ERROR_WORKSPACE:
    return "workspace";
  case ATTNC_ERROR_INDEX:
    return "index";
  case ATTNC_ERROR_MASK:
    return "mask";
  case ATTNC_ERROR_THREADS:
    return "threads";
  case ATTNC_ERROR_KERNEL:
    return "kernel";
  }
  return "unknown";
}
