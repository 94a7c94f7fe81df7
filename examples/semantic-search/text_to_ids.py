#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lines of text on standard input -> lines of token ids on standard output, by a tokenizer.json.

    python text_to_ids.py tokenizer.json < sentences.txt > sentences.ids
"""
import sys

from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lines = [line.rstrip("\n") for line in sys.stdin]
    for encoded in tokenizer.encode_batch(lines):
        print(*encoded.ids)


if __name__ == "__main__":
    main()
