#!/usr/bin/env python3
"""Prints how many argon2id hashes a second libsodium computes on one core:

    libsodium.py MEMORY_KIB ITERATIONS SECONDS

It ends with 77 where there is no libsodium. Python loads it, because in Rust that takes `unsafe`; a
call through ctypes costs microseconds, a hash milliseconds.
"""

import ctypes
import ctypes.util
import os
import sys
import time

ARGON2ID13 = 2

# As the threads that it is compared with.
os.nice(10)

memory_kib, iterations, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
name = ctypes.util.find_library("sodium")
if not name:
    sys.exit(77)
sodium = ctypes.CDLL(name)
if sodium.sodium_init() < 0:
    sys.exit("libsodium does not start")
tag, password, salt = ctypes.create_string_buffer(32), b"vestibule opens at nine", bytes([7] * 16)


def hash_once():
    failed = sodium.crypto_pwhash(
        tag, ctypes.c_ulonglong(32), password, ctypes.c_ulonglong(len(password)), salt,
        ctypes.c_ulonglong(iterations), ctypes.c_size_t(memory_kib * 1024), ARGON2ID13,
    )
    if failed:
        sys.exit("libsodium does not take this cost")


hash_once()
start, count = time.perf_counter(), 0
while time.perf_counter() - start < seconds:
    hash_once()
    count += 1
print(count / (time.perf_counter() - start))
